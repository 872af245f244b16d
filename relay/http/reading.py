"""The receiving half of a peer's socket, whose patience ends at a deadline and whose appetite ends at a budget.

pywsgi reads a request as a file and waits for ever. This is the raw file below its buffer: the server says which part
of a request it expects next, how long it may take and how large it may be; the peer that breaks this is answered with
the status that HTTP has for it (an `HTTPException`, so a Flask view that reads the body answers in its own format).
"""

import io
import socket
from enum import Enum
from time import monotonic
from typing import TYPE_CHECKING

from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge, RequestHeaderFieldsTooLarge, RequestTimeout

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from gevent.socket import socket as Socket

CHUNK_BYTES = 16 * 1024


class Part(Enum):
    """What we wait for. A peer that is slow with `NOTHING` owes us nothing: it is let go without a word."""

    NOTHING = "the first byte of a request"
    HEADER = "the header"
    BODY = "the body"


class Reading(io.RawIOBase):
    """`waiting` is the server's set of those that it waits for at this moment."""

    def __init__(self, sock: "Socket", waiting: set["Reading"]) -> None:
        self._sock = sock
        self._waiting = waiting
        self._part = Part.NOTHING
        self._deadline = 0.0
        self._left_bytes = 0
        self._over = False
        self.since = monotonic()  # when this part began: the longest wait is the first to make room

    def expect(self, part: Part, *, within_s: float, at_most_bytes: int) -> None:
        self._part = part
        self.since = monotonic()
        self._deadline = self.since + within_s
        self._left_bytes = at_most_bytes

    @property
    def idle(self) -> bool:
        """Nothing of a request has come."""
        return self._part is Part.NOTHING

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        if self._over:
            return None  # to io.BufferedReader: nothing for now; what it holds already is all that it gives
        if self._left_bytes <= 0:
            raise RequestEntityTooLarge if self._part is Part.BODY else RequestHeaderFieldsTooLarge
        left_s = self._deadline - monotonic()
        if left_s <= 0:
            return self._late()
        try:
            count = self._receive(memoryview(buffer)[: self._left_bytes], left_s)
        except TimeoutError:
            return self._late()
        self._left_bytes -= count
        if count == 0 and self._part is Part.BODY:
            raise ClientDisconnected
        return count

    def let_go(self) -> None:
        """The peer is shown the door: whoever reads from it sees the end of its stream."""
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it went by itself

    def end(self) -> None:
        """Reads no more: the socket now belongs to somebody else."""
        self._over = True

    def drain(self, within_s: float) -> None:
        """Throws away what still comes, until the peer stops or `within_s` has gone by.

        A socket that is closed with unread bytes in it is reset, and the reset overtakes our answer (RFC 9112, 9.6).
        """
        deadline = monotonic() + within_s
        scrap = bytearray(CHUNK_BYTES)
        try:
            self._sock.shutdown(socket.SHUT_WR)
            while (left_s := deadline - monotonic()) > 0 and self._receive(memoryview(scrap), left_s):
                pass
        except OSError:
            pass  # gone, or still talking: both end here

    def _receive(self, room: memoryview, within_s: float) -> int:
        self._sock.settimeout(within_s)
        self._waiting.add(self)
        try:
            return self._sock.recv_into(room)
        finally:
            self._waiting.discard(self)

    def _late(self) -> int:
        if self._part is Part.NOTHING:
            return 0  # the end of the stream
        raise RequestTimeout
