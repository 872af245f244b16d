"""A byte stream to a host, through a proxy if there is one, encrypted if it is asked for."""

import ssl
from base64 import b64encode
from urllib.parse import unquote, urlsplit

from gevent import socket

from relay.core.errors import RelayError
from relay.slack.options import SlackOptions

PROXY_HEAD_BYTES = 16 * 1024


class DialError(RelayError):
    """No stream came about; the message says at which step."""


class Dialer:
    """Opens streams. Each may take as long as it takes: the caller holds the clock (`gevent.Timeout`)."""

    __slots__ = ("_options", "_tls")

    def __init__(self, options: SlackOptions, tls: ssl.SSLContext) -> None:
        self._options = options
        self._tls = tls

    @property
    def only_secure(self) -> bool:
        """A secure API gives secure sockets; one in the clear is for simulators."""
        return self._options.api_url.startswith("https:")

    def proxy_for(self, host: str, *, secure: bool) -> str:
        return self._options.proxy_for(host, secure=secure)

    def dial(self, host: str, port: int, *, secure: bool) -> socket.socket:
        """Through a tunnel (CONNECT) where a proxy is set. Raises DialError."""
        proxy = self.proxy_for(host, secure=secure)
        stream = _connect(proxy, 80) if proxy else _connect(f"//{_bracketed(host)}:{port}", port)
        try:
            if proxy:
                _tunnel(stream, proxy, f"{_bracketed(host)}:{port}")
            return self._tls.wrap_socket(stream, server_hostname=host) if secure else stream
        except BaseException as error:
            stream.close()
            if isinstance(error, ssl.SSLError):
                raise DialError(f"no TLS with {host}: {error.reason or error}") from error
            if isinstance(error, OSError):
                raise DialError(f"{host}: {error.strerror or error}") from error
            raise

    def dial_proxy(self, proxy: str) -> socket.socket:
        """To the proxy itself, for a plain http request that it forwards. Raises DialError."""
        return _connect(proxy, 80)


def _connect(url: str, default_port: int) -> socket.socket:
    place = urlsplit(url)
    if place.scheme not in ("", "http"):
        raise DialError(f"a proxy is reached by http://, not by {place.scheme}://")
    host, port = place.hostname or "", place.port or default_port
    try:
        stream = socket.create_connection((host, port))
    except OSError as error:
        raise DialError(f"{host}:{port}: {error.strerror or error}") from error
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


def _tunnel(stream: socket.socket, proxy: str, target: str) -> None:
    place = urlsplit(proxy)
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if place.username is not None:
        user = f"{unquote(place.username)}:{unquote(place.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {b64encode(user.encode()).decode()}")
    stream.sendall("\r\n".join([*lines, "", ""]).encode())
    head = b""
    while b"\r\n\r\n" not in head:
        more = stream.recv(1)  # not a byte of what follows the head
        if not more or len(head) > PROXY_HEAD_BYTES:
            raise DialError(f"the proxy {place.hostname} hung up")
        head += more
    status = head.split(b"\r\n", 1)[0].decode("latin-1")
    if status.split(" ")[1:2] != ["200"]:
        raise DialError(f"the proxy {place.hostname} says: {status}")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
