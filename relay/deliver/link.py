"""One connection to an endpoint: TCP, a proxy's tunnel if there is one, TLS if the URL says so, then POST upon POST."""

import math
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from selectors import EVENT_READ, EVENT_WRITE
from time import monotonic

from relay.core.outcome import Failure
from relay.deliver.answer import Answer, Broken, Heard
from relay.deliver.familiar import Familiar
from relay.deliver.pipe import Pipe
from relay.deliver.pump import Pump
from relay.deliver.tls import Tls
from relay.deliver.way import Way

CHUNK_BYTES = 16 * 1024

TUNNEL_BYTES = 16 * 1024
"""The longest answer of a proxy."""

_SUCCESS = re.compile(rb"HTTP/1\.[01] 2\d\d\b")


class State(Enum):
    CONNECTING = auto()
    TUNNELLING = auto()
    SECURING = auto()
    POSTING = auto()
    IDLE = auto()
    CLOSED = auto()


CONNECTING, TUNNELLING, SECURING, POSTING, IDLE, CLOSED = State

LATE = {
    CONNECTING: "no connection in time",
    TUNNELLING: "no answer of the proxy in time",
    SECURING: "no TLS in time",
    POSTING: "no whole answer in time",
}

BLAME = {CONNECTING: Failure.CONNECT, TUNNELLING: Failure.CONNECT, SECURING: Failure.TLS}
"""What failed when a connection breaks in that state; in the others it is a reset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Whom links belong to."""

    pump: Pump
    context: ssl.SSLContext
    familiar: Familiar
    answered: Callable[["Link", Heard, float], None]  # a POST has its answer, at that time (monotonic seconds)
    broken: Callable[["Link", Broken], None]  # none will come
    closed: Callable[["Link"], None]


class Link:
    """Tells its keeper what becomes of it; never while `post` runs."""

    __slots__ = (
        "_answer", "_heard", "_keep_bytes", "_keeper", "_pipe", "_recall", "_tls", "_unposted",
        "connected_at", "deadline", "first_byte_at", "posts", "secured_at", "state", "way",
    )  # fmt: skip

    def __init__(self, way: Way, keeper: Keeper) -> None:
        """Begins to connect. Raises OSError if that is hopeless."""
        self.way = way
        self.state = CONNECTING
        self.posts = 0  # whose sending has begun
        self.deadline = math.inf
        self.connected_at = self.secured_at = self.first_byte_at = 0.0
        self._keeper = keeper
        self._recall = keeper.familiar.recall
        self._keep_bytes = 0
        self._answer = Answer()  # begun with its first byte
        self._tls: Tls | None = None
        self._heard = b""  # of the proxy
        self._unposted = b""  # the request, until the connection stands
        self._pipe = Pipe(way.peer, keeper.pump, self)

    @property
    def died_unheard(self) -> bool:
        """Whether it was a kept one that ended before anything was answered: nobody may have read the request."""
        return self.posts > 1 and not self.first_byte_at

    def post(self, request: bytes, keep_bytes: int) -> None:
        """Sends `request`: now, or when the connection stands."""
        self._keep_bytes = keep_bytes
        self.first_byte_at = 0.0
        if self.state is IDLE:
            try:
                self._begin(request)
            except OSError:
                pass  # it will be told, or cut: not now
        else:
            self._unposted = request

    def on_ready(self, events: int) -> None:
        """The socket can be read, or written."""
        if self.state is CLOSED:
            return  # meanwhile, in this very round
        try:
            if events & EVENT_WRITE:
                self._on_writable()
            if events & EVENT_READ:
                came = self._pipe.receive(CHUNK_BYTES)
                if self.state is POSTING:
                    self._hear(came)
                else:
                    self._on_heard(came)
        except BlockingIOError:
            pass  # nothing has come
        except Broken as broken:
            self._break(broken)
        except ssl.SSLError as error:
            self._break(Broken(Failure.TLS, _sentence(error)))
        except OSError as error:
            self._break(Broken(BLAME.get(self.state, Failure.RESET), error.strerror or str(error)))

    def cut(self) -> None:
        """The time of its POST is up."""
        self._break(Broken(Failure.TIMEOUT, LATE[self.state]))

    def close(self) -> None:
        if self.state is not CLOSED:
            self.state = CLOSED
            self._pipe.close()
            self._keeper.closed(self)

    def _on_writable(self) -> None:
        if self.state is not CONNECTING:
            self._pipe.send_on()
            return
        self._pipe.connected()
        self.connected_at = monotonic()
        if self.way.proxy is None:
            self._secure()
        else:
            self.state = TUNNELLING
            self._pipe.send(_tunnel_request(self.way))

    def _on_heard(self, came: bytes) -> None:
        """While no answer is waited for."""
        if self.state is IDLE:
            self._overhear(came)
        elif not came:
            raise Broken(BLAME[self.state], "the connection was closed")
        elif self.state is SECURING:
            self._shake_hands(came)
        else:
            self._tunnel(came)

    def _tunnel(self, came: bytes) -> None:
        self._heard += came
        head, end, rest = self._heard.partition(b"\r\n\r\n")
        if end and _SUCCESS.match(head) and not rest:
            self._secure()
        elif end or len(self._heard) > TUNNEL_BYTES:
            line = head[:80].split(b"\r\n")[0].decode("ascii", "replace")
            raise Broken(Failure.CONNECT, f"the proxy opened no tunnel: {line}")

    def _secure(self) -> None:
        """There is a way to the endpoint."""
        self.state = SECURING
        if self.way.secure:
            try:
                self._tls = Tls(self._keeper.context, self.way.host)
            except ValueError as error:
                raise Broken(Failure.TLS, f"a certificate can't be for {self.way.host}: {error}") from None
        self._shake_hands(b"")

    def _shake_hands(self, came: bytes) -> None:
        if self._tls is not None:
            shaken, going = self._tls.shake_hands(came)
            if going:
                self._pipe.send(going)
            if not shaken:
                return
            self.secured_at = monotonic()
        self._begin(self._unposted)
        self._unposted = b""

    def _begin(self, request: bytes) -> None:
        self.posts += 1
        self.state = POSTING
        self._pipe.send(request if self._tls is None else self._tls.seal(request))

    def _hear(self, came: bytes) -> None:
        """The answer, or some of it."""
        now, ended = monotonic(), not came
        if self._tls is not None:
            came, ended = self._unseal(came, self._tls)
        if not self.first_byte_at and (heard := self._recall(came)):
            self.first_byte_at = now
            self._end(heard, now, usable=heard.keeps and not ended)
        else:
            self._read(came, now, ended=ended)

    def _unseal(self, came: bytes, tls: Tls) -> tuple[bytes, bool]:
        """What was said, and whether that was all."""
        words, going = tls.unseal(came)
        if going:
            self._pipe.send(going)
        return words, tls.ended

    def _read(self, words: bytes, now: float, *, ended: bool) -> None:
        """What nobody knows by heart."""
        answer, is_first = self._answer, not self.first_byte_at
        if is_first:
            answer.begin(self._keep_bytes)
        if words:
            self.first_byte_at = self.first_byte_at or now
            answer.feed(words)
            if is_first and answer.whole:
                self._keeper.familiar.learn(words, answer)
        if not answer.whole and ended:
            answer.end()
        if answer.whole or answer.too_long:
            self._end(answer.heard, now, usable=answer.keeps and not ended)

    def _overhear(self, came: bytes) -> None:
        """Something while nothing was asked: TLS may have business of its own, all else ends the connection."""
        if self._tls is None or any(self._unseal(came, self._tls)):
            self.close()

    def _break(self, broken: Broken) -> None:
        """It ends before its answer does; perhaps enough of that has been heard."""
        if self.state is POSTING and self.first_byte_at and self._answer.enough:
            self._end(self._answer.heard, monotonic(), usable=False)
            return
        posting = self.state is not IDLE
        self.close()
        if posting:
            self._keeper.broken(self, broken)

    def _end(self, heard: Heard, now: float, *, usable: bool) -> None:
        """The POST has its answer; `usable`: for more POSTs."""
        if usable and not self._pipe.unsent:
            self.state = IDLE
        else:
            self.close()
        self._keeper.answered(self, heard, now)


def _tunnel_request(way: Way) -> bytes:
    place = f"[{way.address}]:{way.port}" if ":" in way.address else f"{way.address}:{way.port}"
    login = f"Proxy-Authorization: {way.login}\r\n" if way.login else ""
    return f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{login}\r\n".encode("ascii")


def _sentence(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not good: {error.verify_message}"
    return f"TLS failed: {(error.reason or str(error)).replace('_', ' ').lower()}"
