"""One libcurl handle, set up once and used for one POST after another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pycurl
from gevent.monkey import get_original

from relay.core.outcome import EXCERPT_BYTES, Answered, Failed, Failure, Timing

SWALLOW_BYTES = 64 * 1024
"""A body up to this length is read to its end, to keep the connection; beyond, the connection is ended."""

FAILURES = {
    pycurl.E_COULDNT_RESOLVE_HOST: Failure.DNS,
    pycurl.E_COULDNT_CONNECT: Failure.CONNECT,
    pycurl.E_COULDNT_RESOLVE_PROXY: Failure.CONNECT,
    97: Failure.CONNECT,  # CURLE_PROXY, which pycurl has no name for
    pycurl.E_OPERATION_TIMEDOUT: Failure.TIMEOUT,
    pycurl.E_SSL_CONNECT_ERROR: Failure.TLS,
    pycurl.E_SSL_CACERT: Failure.TLS,
    pycurl.E_SSL_CERTPROBLEM: Failure.TLS,
    pycurl.E_SSL_CIPHER: Failure.TLS,
    pycurl.E_SSL_CACERT_BADFILE: Failure.TLS,
    pycurl.E_SSL_ISSUER_ERROR: Failure.TLS,
    pycurl.E_SSL_INVALIDCERTSTATUS: Failure.TLS,
}

_Socket = get_original("socket", "socket")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One POST, signed already."""

    url: str
    headers: Sequence[tuple[str, str]] = field(repr=False)
    body: bytes = field(repr=False)
    timeout_s: float  # for everything together: name, connection, TLS, sending, answer


class Transfer:
    """A handle, and what its current POST has brought so far."""

    __slots__ = ("_address", "_excerpt", "_head", "_offset_s", "_opened", "_swallowed", "_url", "curl")

    def __init__(self, *, ca_file: str | None, verify: bool, proxy: str, opened: Callable[[int], None]) -> None:
        self._opened = opened
        self._head = bytearray()
        self._excerpt = bytearray()
        self._swallowed = 0
        self._offset_s = 0.0
        self._url = self._address = ""
        self.curl = curl = pycurl.Curl()
        curl.setopt(pycurl.POST, 1)
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.PATH_AS_IS, 1)
        curl.setopt(pycurl.TCP_NODELAY, 1)
        curl.setopt(pycurl.PROXY, proxy)  # set even when empty: else libcurl reads the environment
        curl.setopt(pycurl.SSL_VERIFYPEER, int(verify))
        curl.setopt(pycurl.SSL_VERIFYHOST, 2 if verify else 0)
        if ca_file is not None:
            curl.setopt(pycurl.CAINFO, ca_file)
        curl.setopt(pycurl.HEADERFUNCTION, self._head.extend)
        curl.setopt(pycurl.WRITEFUNCTION, self._write)
        curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open)

    def fill(self, request: Request, *, address: str, port: int, offset_s: float) -> None:
        """Makes it ready for one POST to that very address, `offset_s` after the attempt began."""
        del self._head[:], self._excerpt[:]
        self._swallowed = 0
        self._offset_s = offset_s
        curl = self.curl
        if request.url != self._url or address != self._address:
            curl.setopt(pycurl.URL, request.url)
            curl.setopt(pycurl.CONNECT_TO, [f"::[{address}]:{port}" if ":" in address else f"::{address}:{port}"])
            self._url, self._address = request.url, address
        lines = [f"{name}: {value}" for name, value in request.headers]
        lines.append("Expect:")
        curl.setopt(pycurl.HTTPHEADER, lines)
        curl.setopt(pycurl.POSTFIELDS, request.body)
        curl.setopt(pycurl.TIMEOUT_MS, max(1, int((request.timeout_s - offset_s) * 1000)))

    def outcome(self, code: int, sentence: str) -> Answered | Failed:
        """What became of it, once libcurl is done."""
        if code == pycurl.E_OK or len(self._excerpt) == EXCERPT_BYTES:
            return Answered(
                status=self.curl.getinfo(pycurl.RESPONSE_CODE),
                headers=_headers(self._head),
                excerpt=bytes(self._excerpt),
                timing=self._timing(),
            )
        failure = FAILURES.get(code, Failure.RESET)
        return Failed(failure=failure, detail=sentence or f"libcurl's error {code}", timing=self._timing())

    def _timing(self) -> Timing:
        get, offset_s = self.curl.getinfo, self._offset_s
        connect_s = get(pycurl.CONNECT_TIME)
        tls_s = get(pycurl.APPCONNECT_TIME)
        first_byte_s = get(pycurl.STARTTRANSFER_TIME)
        return Timing(
            dns_s=offset_s,
            connect_s=connect_s and offset_s + connect_s,
            tls_s=tls_s and offset_s + tls_s,
            first_byte_s=first_byte_s and offset_s + first_byte_s,
            total_s=offset_s + get(pycurl.TOTAL_TIME),
        )

    def _write(self, chunk: bytes) -> int:
        room = EXCERPT_BYTES - len(self._excerpt)
        if room > 0:
            self._excerpt += chunk[:room]
        self._swallowed += len(chunk)
        return len(chunk) if self._swallowed <= SWALLOW_BYTES else 0

    def _open(self, _purpose: int, address: tuple[int, int, int, tuple[str, int]]) -> int:
        """A socket for the vetted address and for no other: the last word, whatever libcurl has made of the URL."""
        family, kind, protocol, (host, *_) = address
        if host != self._address:
            return int(pycurl.SOCKET_BAD)
        try:
            fd = int(_Socket(family, kind, protocol).detach())
        except OSError:
            return int(pycurl.SOCKET_BAD)
        self._opened(fd)
        return fd


def _headers(head: bytearray) -> tuple[tuple[str, str], ...]:
    """The header lines of the last answer: interim ones (1xx) come before it."""
    block = bytes(head).rstrip(b"\r\n").rpartition(b"\r\n\r\n")[2]
    pairs = (line.partition(":") for line in block.decode("latin-1").split("\r\n")[1:])
    return tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)
