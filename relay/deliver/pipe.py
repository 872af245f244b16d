"""A TCP connection that never blocks: what it doesn't take now goes out when it does."""

import os
import socket
from collections.abc import Callable
from selectors import EVENT_READ, EVENT_WRITE

from gevent.monkey import get_original

from relay.deliver.pump import Pump, Ready

_Socket: type[socket.socket] = get_original("socket", "socket")


class Pipe:
    """`ready` hears from the pump when there is something to receive, or room to send. Methods raise OSError."""

    __slots__ = ("_fd", "_pump", "_ready", "_sock", "receive", "unsent")

    def __init__(self, peer: tuple[str, int], pump: Pump, ready: Ready) -> None:
        """Begins to connect; `ready` hears of EVENT_WRITE when that has come to an end."""
        self._pump = pump
        self._ready = ready
        self.unsent: bytes | memoryview = b""
        """What waits for room."""
        self._sock = _Socket(socket.AF_INET6 if ":" in peer[0] else socket.AF_INET, socket.SOCK_STREAM)
        self.receive: Callable[[int], bytes] = self._sock.recv
        """So many bytes at most; b"" at the end, BlockingIOError if there are none now."""
        self._fd = self._sock.fileno()
        try:
            self._sock.setblocking(False)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _begin_to_connect(self._sock, peer)
            pump.watch(self._fd, EVENT_WRITE, ready)
        except OSError:
            self._sock.close()
            raise

    def connected(self) -> None:
        """The connection stands, or else it raises why not."""
        if code := self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, os.strerror(code))
        self._pump.rewatch(self._fd, EVENT_READ, self._ready)

    def send(self, words: bytes) -> None:
        """Now, or when there is room. Never complains of a broken connection: what was said on it before, or its end,
        can still be received.
        """
        if self.unsent:
            self.unsent = b"".join((self.unsent, words))
            return
        try:
            sent = self._sock.send(words)
        except BlockingIOError:
            sent = 0
        except OSError:
            return
        if sent < len(words):
            self.unsent = memoryview(words)[sent:]
            self._pump.rewatch(self._fd, EVENT_READ | EVENT_WRITE, self._ready)

    def send_on(self) -> None:
        """There is room."""
        waits, self.unsent = bytes(self.unsent), b""
        self.send(waits)
        if not self.unsent:
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
