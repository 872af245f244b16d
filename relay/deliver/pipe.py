"""A TCP connection that never blocks: what it doesn't take now goes out when it does."""

import os
import socket
from selectors import EVENT_READ, EVENT_WRITE

from gevent.monkey import get_original

from relay.deliver.pump import Pump, Ready

CHUNK_BYTES = 16 * 1024

_Socket: type[socket.socket] = get_original("socket", "socket")


class Pipe:
    """`ready` hears from the pump when there is something to receive, or room to send. Methods raise OSError."""

    __slots__ = ("_fd", "_pump", "_ready", "_sock", "_unsent")

    def __init__(self, peer: tuple[str, int], pump: Pump, ready: Ready) -> None:
        """Begins to connect; `ready` hears of EVENT_WRITE when that has come to an end."""
        self._pump = pump
        self._ready = ready
        self._unsent: bytes | memoryview = b""
        self._sock = _Socket(socket.AF_INET6 if ":" in peer[0] else socket.AF_INET, socket.SOCK_STREAM)
        self._fd = self._sock.fileno()
        try:
            self._sock.setblocking(False)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _begin_to_connect(self._sock, peer)
            pump.watch(self._fd, EVENT_WRITE, ready)
        except OSError:
            self._sock.close()
            raise

    @property
    def drained(self) -> bool:
        """Whether all has been sent."""
        return not self._unsent

    def connected(self) -> None:
        """The connection stands, or else it raises why not."""
        if code := self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, os.strerror(code))
        self._pump.rewatch(self._fd, EVENT_READ, self._ready)

    def receive(self) -> bytes | None:
        """Some bytes; b"" at the end, None if there are none now."""
        try:
            return self._sock.recv(CHUNK_BYTES)
        except BlockingIOError:
            return None

    def send(self, more: bytes = b"") -> None:
        """Never complains of a broken connection: what was said on it before, or its end, can still be received."""
        waited = self._unsent
        unsent = bytes(waited) + more if waited else more
        if not unsent:
            return  # TLS has often nothing to say
        try:
            sent = self._sock.send(unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = len(unsent)
        if sent < len(unsent):
            self._unsent = memoryview(unsent)[sent:]
            if not waited:
                self._pump.rewatch(self._fd, EVENT_READ | EVENT_WRITE, self._ready)
        elif waited:
            self._unsent = b""
            self._pump.rewatch(self._fd, EVENT_READ, self._ready)

    def close(self) -> None:
        self._pump.unwatch(self._fd)
        try:
            self._sock.close()
        except OSError:
            pass  # somebody else has closed our descriptor


def _begin_to_connect(sock: socket.socket, peer: tuple[str, int]) -> None:
    try:
        sock.connect(peer)
    except BlockingIOError:
        pass
