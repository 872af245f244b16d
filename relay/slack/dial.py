"""A byte stream to a host, through a proxy if there is one, encrypted if it is asked for."""

import ssl

from gevent import socket

from relay.core.errors import RelayError
from relay.core.proxy import Proxy
from relay.slack.options import SlackOptions, tls_context

PROXY_HEAD_BYTES = 16 * 1024


class DialError(RelayError):
    """No stream came about; the message says at which step."""


class Dialer:
    """Opens streams. Each may take as long as it takes: the caller holds the clock (`gevent.Timeout`)."""

    __slots__ = ("_options", "_tls")

    def __init__(self, options: SlackOptions) -> None:
        self._options = options
        self._tls: ssl.SSLContext | None = None  # read when it is first needed

    @property
    def only_secure(self) -> bool:
        """A secure API gives secure sockets; one in the clear is for simulators."""
        return self._options.api_url.startswith("https:")

    def proxy_for(self, host: str, port: int, *, secure: bool) -> Proxy | None:
        return self._options.proxies.choose(host.lower(), port, secure=secure)

    def dial(self, host: str, port: int, *, secure: bool) -> socket.socket:
        """Through a tunnel (CONNECT) where a proxy is set. Raises DialError."""
        proxy = self.proxy_for(host, port, secure=secure)
        stream = _connect(*proxy.place) if proxy else _connect(host, port)
        try:
            if proxy:
                _tunnel(stream, proxy, f"{_bracketed(host)}:{port}")
            return self._secured(stream, host) if secure else stream
        except BaseException as error:
            stream.close()
            if isinstance(error, ssl.SSLError):
                raise DialError(f"no TLS with {host}: {error.reason or error}") from error
            if isinstance(error, OSError):
                raise DialError(f"{host}: {error.strerror or error}") from error
            raise

    def dial_proxy(self, proxy: Proxy) -> socket.socket:
        """To the proxy itself, for a plain http request that it forwards. Raises DialError."""
        return _connect(*proxy.place)

    def _secured(self, stream: socket.socket, host: str) -> socket.socket:
        self._tls = self._tls or tls_context()
        return self._tls.wrap_socket(stream, server_hostname=host)


def _connect(host: str, port: int) -> socket.socket:
    try:
        stream = socket.create_connection((host, port))
    except OSError as error:
        raise DialError(f"{host}:{port}: {error.strerror or error}") from error
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


def _tunnel(stream: socket.socket, proxy: Proxy, target: str) -> None:
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.login:
        lines.append(f"Proxy-Authorization: {proxy.login}")
    stream.sendall("\r\n".join([*lines, "", ""]).encode())
    head = b""
    while b"\r\n\r\n" not in head:
        more = stream.recv(1)  # not a byte of what follows the head
        if not more or len(head) > PROXY_HEAD_BYTES:
            raise DialError(f"the proxy {proxy.host} hung up")
        head += more
    status = head.split(b"\r\n", 1)[0].decode("latin-1")
    if status.split(" ")[1:2] != ["200"]:
        raise DialError(f"the proxy {proxy.host} says: {status}")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
