"""One WebSocket to Slack: the Sans-IO protocol of `websockets` on a gevent stream, with deadlines on everything.

One greenlet reads; any greenlet may send. Nothing here waits for the close handshake: a socket that is of no more use
is cut, because the other end may be long gone (node-slack-sdk hung there).
"""

import logging
from collections.abc import Mapping
from functools import partial
from ssl import SSLWantReadError
from typing import Self

import gevent
from gevent import socket
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, InvalidURI
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.http11 import Response
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from relay.core.errors import RelayError
from relay.http.outbox import Outbox
from relay.slack.dial import Dialer, DialError
from relay.slack.frames import Frames, Received

READ_BYTES = 64 * 1024
SEND_S = 5.0
"""A peer that takes no bytes for so long is gone."""
MESSAGE_LIMIT_BYTES = 16 * 1024 * 1024
"""Beyond any event that Slack sends; a longer message ends the socket with 1009, and a new one is opened."""
OUTBOX_LIMIT_BYTES = 1024 * 1024
CLOSE_NORMAL = 1000
HEAD_END = b"\r\n\r\n"

QUIET = logging.getLogger("relay.slack.frames")
QUIET.setLevel(logging.WARNING)  # at DEBUG `websockets` prints what people wrote

# Without context takeover no window is kept between messages: compression costs an idle connection no memory.
DEFLATE = ClientPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True)


class WireLost(RelayError):
    """The socket is gone; the message says how."""


class NotOpened(RelayError):
    """No WebSocket came about. `status` and `body` are HTTP's, 0 and empty where none came."""

    def __init__(self, message: str, status: int = 0, body: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.body = body


class Wire:
    __slots__ = ("_ahead", "_frames", "_lost", "_outbox", "_protocol", "_stream")

    def __init__(self, stream: socket.socket, protocol: ClientProtocol) -> None:
        self._stream = stream
        self._protocol = protocol
        self._outbox = Outbox(stream, send_s=SEND_S, broken=partial(self._cut, "the other end takes nothing"))
        self._frames = Frames(protocol)
        self._ahead = b""  # came with the handshake, and has not been looked at
        self._lost = ""

    @classmethod
    def open(cls, url: str, dialer: Dialer, *, within_s: float, headers: Mapping[str, str] | None = None) -> Self:
        """Raises NotOpened, after `within_s` seconds at the latest."""
        try:
            with gevent.Timeout(within_s):
                return cls._open(url, dialer, headers or {})
        except gevent.Timeout:
            raise NotOpened(f"the WebSocket did not open within {within_s:g} s") from None
        except DialError as error:
            raise NotOpened(str(error)) from error
        except OSError as error:
            raise NotOpened(f"the WebSocket did not open: {error}") from error

    @classmethod
    def _open(cls, url: str, dialer: Dialer, headers: Mapping[str, str]) -> Self:
        try:
            place = parse_uri(url)
        except InvalidURI as error:
            raise NotOpened("what Slack gave is no WebSocket address") from error
        if dialer.only_secure and not place.secure:
            raise NotOpened("what Slack gave is a WebSocket in the clear")
        stream = dialer.dial(place.host, place.port, secure=place.secure)
        wire = cls(stream, ClientProtocol(place, max_size=MESSAGE_LIMIT_BYTES, extensions=[DEFLATE], logger=QUIET))
        try:
            wire._shake_hands(headers)
        except BaseException:
            wire._cut("not opened")
            raise
        return wire

    def _shake_hands(self, headers: Mapping[str, str]) -> None:
        protocol = self._protocol
        request = protocol.connect()
        request.headers.update(headers)
        protocol.send_request(request)
        self._outbox.put(protocol.data_to_send())
        tail = b""
        while not isinstance(next(iter(protocol.events), None), Response):
            if protocol.handshake_exc is not None:
                raise NotOpened(str(protocol.handshake_exc))
            if more := self._stream.recv(READ_BYTES):
                tail = self._hear_answer(tail, more)
            else:
                protocol.receive_eof()
        if (error := protocol.handshake_exc) is not None:
            status, body = 0, b""
            if isinstance(error, InvalidStatus):
                status, body = error.response.status_code, bytes(error.response.body or b"")
            raise NotOpened(f"the WebSocket was refused: {error}", status, body)
        self._look_after()

    def _hear_answer(self, tail: bytes, more: bytes) -> bytes:
        """What comes behind the answer's head is frames, if it is a welcome, and not for the protocol to begin with.
        `tail`: the last bytes of what came before; returned are those of now."""
        seen = tail + more
        end = seen.find(HEAD_END)
        mine = len(more) if end < 0 else end + len(HEAD_END) - len(tail)
        self._protocol.receive_data(more[:mine])
        if self._protocol.state is OPEN:
            self._ahead = more[mine:]
        elif mine < len(more):
            self._protocol.receive_data(more[mine:])
        return seen[-len(HEAD_END) + 1 :]

    def receive(self, within_s: float) -> Received:
        """What comes next, or nothing within `within_s` seconds. Raises WireLost once all that came before has been
        read."""
        more, self._ahead = self._ahead, b""
        if not more:
            if self._lost:
                raise WireLost(self._lost)
            came = self._bytes_within(within_s)
            if came is None:
                return Received()
            more = came
        received = self._frames.take(more) if more else self._frames.end()
        self._look_after()
        return received

    def send(self, text: bytes) -> None:
        """Never waits. Raises WireLost."""
        self._must_be_open()
        self._protocol.send_text(text)
        self._outbox.put(self._protocol.data_to_send())

    def ping(self, payload: bytes) -> None:
        """Never waits. Raises WireLost."""
        self._must_be_open()
        self._protocol.send_ping(payload)
        self._outbox.put(self._protocol.data_to_send())

    def close(self) -> None:
        """Say goodbye if that is possible at once, and cut. Never raises, never waits."""
        if not self._lost and self._protocol.state is OPEN and not self._outbox.waiting_bytes:
            self._protocol.send_close(CLOSE_NORMAL)
            try:
                self._stream.settimeout(0.0)
                self._stream.send(b"".join(self._protocol.data_to_send()))
            except OSError:
                pass  # it is gone already
        self._cut("closed by us")

    def _cut(self, why: str) -> None:
        """End the TCP connection now; whoever reads gets WireLost."""
        self._lost = self._lost or why
        self._outbox.drop()
        try:
            self._stream.close()
        except OSError:
            pass

    def _must_be_open(self) -> None:
        if self._lost or self._protocol.state is not OPEN:
            raise WireLost(self._lost or "the WebSocket is closing")
        if self._outbox.waiting_bytes > OUTBOX_LIMIT_BYTES:
            self._cut("the other end takes nothing")
            raise WireLost(self._lost)

    def _look_after(self) -> None:
        self._outbox.put(self._protocol.data_to_send())  # pongs, and the answer to a close
        if self._protocol.state is not OPEN:
            self._lost = self._lost or _how_it_ended(self._protocol)

    def _bytes_within(self, within_s: float) -> bytes | None:
        """b"" at the end, None if nothing came. After a stall (the process stood still) the time is up and yet there
        is something to read."""
        try:
            self._stream.settimeout(max(within_s, 0.001))
            return self._stream.recv(READ_BYTES)
        except TimeoutError:
            pass
        except OSError as error:
            return self._gone(error)
        try:
            self._stream.settimeout(0.0)
            return self._stream.recv(READ_BYTES)
        except (BlockingIOError, TimeoutError, SSLWantReadError):
            return None
        except OSError as error:
            return self._gone(error)

    def _gone(self, error: OSError) -> bytes:
        self._lost = self._lost or f"the connection broke: {error.strerror or error}"
        return b""


def _how_it_ended(protocol: ClientProtocol) -> str:
    if protocol.close_rcvd is not None:
        return f"the other end closed the WebSocket: {protocol.close_rcvd}"
    if protocol.parser_exc is not None and not isinstance(protocol.parser_exc, EOFError):
        return f"what came is no WebSocket: {protocol.parser_exc}"
    return "the other end closed the connection"
