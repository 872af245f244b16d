"""What waits to be written to one socket: bounded, and written by one greenlet at a time.

The writer exists only while there is something to write, so an idle socket costs none; what collects while it writes
goes out in one piece.
"""

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import gevent

if TYPE_CHECKING:
    from gevent.socket import socket as Socket

HALF_CLOSE = b""
"""In place of bytes: nothing follows (the sentinel of `websockets.protocol`)."""


class Outbox:
    """`broken` is called once when the peer does not take in what is written within `send_s`, or is gone."""

    def __init__(self, sock: "Socket", *, send_s: float, broken: Callable[[], None]) -> None:
        self._sock = sock
        self._send_s = send_s
        self._broken = broken
        self._chunks: list[bytes] = []
        self._writer: gevent.Greenlet[[], None] | None = None
        self.waiting_bytes = 0  # put, and not yet with the kernel

    def put(self, chunks: list[bytes]) -> None:
        """Never blocks."""
        if not chunks:
            return
        self._chunks += chunks
        self.waiting_bytes += sum(map(len, chunks))
        if self._writer is None:
            self._writer = gevent.spawn(self._write)

    def drained(self, within_s: float) -> bool:
        """Waits until everything is with the kernel; False if it is not by then."""
        if self._writer is not None:
            self._writer.join(within_s)
        return self._writer is None

    def drop(self) -> None:
        """Ends the writer; what has not been written never will be."""
        self._chunks.clear()
        writer, self._writer = self._writer, None
        if writer is not None and writer is not gevent.getcurrent():
            writer.kill()

    def _write(self) -> None:
        try:
            while self._chunks:
                chunks, self._chunks = self._chunks, []
                self._send(chunks)
        except OSError:  # a TimeoutError too
            self._broken()
        finally:
            self._writer = None

    def _send(self, chunks: list[bytes]) -> None:
        batch = b"".join(chunks)
        self._sock.settimeout(self._send_s)
        self._sock.sendall(batch)
        self.waiting_bytes -= len(batch)
        if HALF_CLOSE in chunks:
            self._sock.shutdown(socket.SHUT_WR)
