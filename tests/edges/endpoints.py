"""Receivers that do what a test tells them, byte by byte: `with Endpoint(behave) as endpoint: … endpoint.url`."""

import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import gevent
from gevent.pool import Pool
from gevent.server import StreamServer

from relay.core.address import read_networks
from relay.core.outcome import Outcome
from relay.deliver.post import Poster, PostOptions, Request

LOOPBACK = read_networks("127.0.0.0/8")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Peer:
    """One connection to an endpoint, from its side."""

    def __init__(self, sock: socket.socket, requests: list[bytes]) -> None:
        self.sock = sock
        self._requests = requests
        self._unread = b""

    def request(self) -> bytes | None:
        """The next whole request, head and body; None at the end of the connection."""
        while b"\r\n\r\n" not in self._unread:
            if not self._more():
                return None
        head, _, rest = self._unread.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        while len(rest) < length:
            if not self._more():
                return None
            rest = self._unread.partition(b"\r\n\r\n")[2]
        self._unread = rest[length:]
        self._requests.append(head + b"\r\n\r\n" + rest[:length])
        return self._requests[-1]

    def send(self, answer: bytes) -> None:
        self.sock.sendall(answer)

    def reset(self) -> None:
        """Closes with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def linger(self) -> None:
        """Does nothing until the other side closes."""
        while self._more():
            pass

    def _more(self) -> bool:
        chunk = self.sock.recv(65536)
        self._unread += chunk
        return bool(chunk)


Behave = Callable[[Peer], None]


class Endpoint:
    """Runs `behave` for each connection; what it does to a closed socket is no error here."""

    def __init__(
        self, behave: Behave, *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._behave = behave
        self._tls = tls
        self._pool = Pool()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.socket(family)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, port))
        self._listener.listen(2048)
        self._server = StreamServer(self._listener, self._serve, spawn=self._pool)
        self.connections = 0
        self.requests: list[bytes] = []
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop(timeout=0)
        self._pool.kill()
        self._listener.close()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/hook"

    @property
    def open_connections(self) -> int:
        return len(self._pool)

    def _serve(self, sock: socket.socket, _address: object) -> None:
        self.connections += 1
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
            self._behave(Peer(sock, self.requests))
        except OSError:
            pass
        finally:
            sock.close()


def answering(answer: bytes = OK) -> Behave:
    """Reads each request and answers with these bytes, on a connection that is kept."""

    def behave(peer: Peer) -> None:
        while peer.request() is not None:
            peer.send(answer)

    return behave


def saying(*answer: bytes) -> Behave:
    """Reads one request, says this piece by piece and closes."""

    def behave(peer: Peer) -> None:
        peer.request()
        for piece in answer:
            peer.send(piece)

    return behave


def dripping(start: bytes, *, every_s: float = 0.05) -> Behave:
    """Reads the request, says `start`, and then a byte now and then, for ever."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(start)
        while True:
            peer.send(b"x")
            gevent.sleep(every_s)

    return behave


@contextmanager
def poster_for(options: PostOptions | None = None) -> Iterator[Poster]:
    """A poster that may post to loopback."""
    poster = Poster(options or PostOptions(allowed=LOOPBACK))
    try:
        yield poster
    finally:
        poster.close(0)


def post(poster: Poster, url: str, *, timeout_s: float = 5.0, body: bytes = b"{}") -> Outcome:
    return poster.post(Request(url=url, headers="Content-Type: application/json\r\n", body=body, timeout_s=timeout_s))
