"""One WebSocket, from after its upgrade to its end: the frames are the Sans-IO protocol's of `websockets`.

One greenlet reads (whoever calls `receive`, and only while it does, so somebody should), any may `send`. All that is
written goes through the outbox. Reading keeps the socket honest: it answers pings, sends its own, and ends a socket
from which nothing comes any more.
"""

import logging
import struct
from collections import deque
from collections.abc import Sequence
from math import inf
from socket import SO_LINGER, SOL_SOCKET
from time import monotonic
from typing import TYPE_CHECKING

from gevent.event import Event
from msgspec import Struct
from websockets.extensions import Extension
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol, Side, State

from relay.core.errors import RelayError
from relay.http.outbox import Outbox

if TYPE_CHECKING:
    from gevent.socket import socket as Socket

CHUNK_BYTES = 64 * 1024
RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, no seconds

LOG = logging.getLogger("relay.http.frames")
LOG.setLevel(logging.WARNING)  # at DEBUG `websockets` prints what people wrote


class WebSocketClosed(RelayError):
    """It is over. `code` is the peer's, else ours; 1006 when it broke off without a word."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"the WebSocket is closed: {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class SocketOptions(Struct, frozen=True, kw_only=True):
    message_bytes: int = 1024 * 1024  # the largest message that we take in, inflated; beyond: 1009
    outbox_bytes: int = 1024 * 1024  # what may wait for a peer that reads slowly
    send_s: float = 10.0  # a peer that takes in nothing for so long is cut off
    ping_s: float = 15.0  # how often we ask whether it is there,
    dead_s: float = 45.0  # and after how long a silence we give up
    close_s: float = 2.0  # for the peer's side of a close
    deflate: bool = False  # accept permessage-deflate (RFC 7692): less wire, more memory
    origins: frozenset[str] | None = frozenset()  # browsers' pages from elsewhere that may connect; None: any


def text_frame(text: bytes) -> bytes:
    """A message of UTF-8 as it goes over the wire."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


class WebSocket:
    """`ahead` is what the peer sent before it had our 101."""

    def __init__(
        self, sock: "Socket", options: SocketOptions, *, extensions: Sequence[Extension] = (), ahead: bytes = b""
    ) -> None:
        self.gate: Event | None = None  # while one is set here and not open, nothing is read, answered or pinged
        self._sock = sock
        self._options = options
        self._protocol = Protocol(Side.SERVER, max_size=options.message_bytes, logger=LOG)
        self._protocol.extensions = list(extensions)
        self._outbox = Outbox(sock, send_s=options.send_s, broken=self.abort)
        self._inbox: deque[str | bytes] = deque()
        self._partial: tuple[bool, bytearray] | None = None  # is it text, and what has come of it
        self._heard_at = monotonic()
        self._ping_at = self._heard_at + options.ping_s
        self._close_by = inf
        self._over = False
        if ahead:
            self._take(ahead)

    def __repr__(self) -> str:
        state = "OVER" if self._over else self._protocol.state.name
        return f"<WebSocket {state} inbox={len(self._inbox)} outbox_bytes={self._outbox.waiting_bytes}>"

    @property
    def open(self) -> bool:
        return not self._over and self._protocol.state is State.OPEN

    def receive(self, timeout_s: float | None = None) -> str | bytes | None:
        """The next message; None when `timeout_s` has gone by without one. Raises WebSocketClosed at the end."""
        until = inf if timeout_s is None else monotonic() + timeout_s
        while not self._inbox:
            if self._over:
                raise self._end()
            if not self._listen(until):
                return None
        return self._inbox.popleft()

    def send(self, message: str | bytes) -> bool:
        """Puts one message on its way, without waiting. False: too much waits already, this one is not taken.

        Raises WebSocketClosed at the end.
        """
        if not self.open:
            raise self._end()
        if self._outbox.waiting_bytes >= self._options.outbox_bytes:
            return False
        if isinstance(message, str):
            self._protocol.send_text(message.encode())
        else:
            self._protocol.send_binary(message)
        self._outbox.put(self._protocol.data_to_send())
        return True

    def pour(self, frames: bytes) -> bool:
        """As `send`, for frames that are written already, each by `text_frame`: many sockets may be given the same."""
        if not self.open:
            raise self._end()
        if self._outbox.waiting_bytes >= self._options.outbox_bytes:
            return False
        self._outbox.put([frames])
        return True

    def flush(self, within_s: float) -> bool:
        """Waits until all that was sent is with the kernel; False if it is not by then."""
        return self._outbox.drained(within_s)

    def write(self, raw: bytes) -> None:
        """Puts bytes on the wire as they are, between two messages; no bytes at all end our half of the stream."""
        self._outbox.put([raw])

    def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Begins the closing handshake, without waiting. Whoever is in `receive` sees its end."""
        if self.open:
            self._protocol.send_close(code, reason)
            self._answer()

    def abort(self) -> None:
        """Ends it now, without a word: the peer sees a reset, and the kernel keeps nothing for it."""
        if not self._over:
            self._over = True
            self._outbox.drop()
            try:
                self._sock.setsockopt(SOL_SOCKET, SO_LINGER, RESET_AT_CLOSE)
            except OSError:
                pass  # closed already
            self._sock.close()  # gevent's: wakes the greenlet that reads

    def finish(self) -> None:
        """Closes if that was not done, waits for the peer's side of it within `close_s`, lets go of the socket."""
        self.gate = None
        self.close()
        self._close_by = min(self._close_by, monotonic() + self._options.close_s)
        while not self._over:
            self._listen(inf)
        self._outbox.drop()
        self._sock.close()

    def _listen(self, until: float) -> bool:
        """One turn of reading; False when `until` came first."""
        self._pass_gate()
        now = monotonic()
        turn = min(self._ping_at, self._heard_at + self._options.dead_s, self._close_by)
        if now >= turn:
            self._keep_alive(now)
            return True
        self._sock.settimeout(max(0.0, min(until, turn) - now))
        try:
            received = self._sock.recv(CHUNK_BYTES)
        except (TimeoutError, BlockingIOError):
            return monotonic() < until
        except OSError:
            received = b""
        self._pass_gate()
        self._take(received)
        return True

    def _pass_gate(self) -> None:
        if self.gate is not None and not self.gate.is_set():
            self.gate.wait()
            self._heard_at = monotonic()

    def _keep_alive(self, now: float) -> None:
        if now >= min(self._close_by, self._heard_at + self._options.dead_s):
            self.abort()
            return
        self._ping_at = now + self._options.ping_s
        if self.open:
            self._protocol.send_ping(b"")
            self._answer()

    def _take(self, received: bytes) -> None:
        if self._over:
            return
        if not received:
            self._protocol.receive_eof()
            self._over = True
            self._outbox.drop()
            return
        self._heard_at = monotonic()
        self._protocol.receive_data(received)
        for frame in self._protocol.events_received():
            if isinstance(frame, Frame):
                self._collect(frame)
        self._answer()

    def _collect(self, frame: Frame) -> None:
        """Puts fragments together; how large the whole may get is the protocol's business."""
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        if frame.fin and self._partial is None:
            self._deliver(bytes(frame.data), is_text=frame.opcode is Opcode.TEXT)
            return
        if self._partial is None:
            self._partial = (frame.opcode is Opcode.TEXT, bytearray())
        is_text, collected = self._partial
        collected += frame.data
        if frame.fin:
            self._partial = None
            self._deliver(bytes(collected), is_text=is_text)

    def _deliver(self, content: bytes, *, is_text: bool) -> None:
        try:
            self._inbox.append(content.decode() if is_text else content)
        except UnicodeDecodeError:
            self._protocol.fail(CloseCode.INVALID_DATA, "this text is not UTF-8")

    def _answer(self) -> None:
        """Sends what the protocol wants said: pongs, pings, a close."""
        self._outbox.put(self._protocol.data_to_send())
        if self._outbox.waiting_bytes > 2 * self._options.outbox_bytes:
            self.abort()  # it asks and asks, and never reads
        elif self._protocol.close_expected():
            self._close_by = min(self._close_by, monotonic() + self._options.close_s)

    def _end(self) -> WebSocketClosed:
        close = self._protocol.close_rcvd or self._protocol.close_sent
        if close is None:
            return WebSocketClosed(CloseCode.ABNORMAL_CLOSURE, "")
        return WebSocketClosed(close.code, close.reason)
