"""One libcurl handle, set up once and used for one POST after another."""

from collections.abc import Callable

import pycurl
from gevent.monkey import get_original

from relay.core.errors import RelayError
from relay.core.header import read_headers
from relay.core.outcome import EXCERPT_BYTES, Answered, Failed, Failure, Timing
from relay.deliver.route import NOWHERE, Request, Route

SWALLOW_BYTES = 64 * 1024
"""A body up to this length is read to its end, to keep the connection; beyond, the connection is ended."""

FAILURES = {
    pycurl.E_COULDNT_RESOLVE_PROXY: Failure.CONNECT,
    pycurl.E_COULDNT_CONNECT: Failure.CONNECT,
    97: Failure.CONNECT,  # CURLE_PROXY, which pycurl has no name for
    pycurl.E_OPERATION_TIMEDOUT: Failure.TIMEOUT,
    pycurl.E_SSL_CONNECT_ERROR: Failure.TLS,
    pycurl.E_SSL_CACERT: Failure.TLS,
    pycurl.E_SSL_CERTPROBLEM: Failure.TLS,
    pycurl.E_SSL_CIPHER: Failure.TLS,
    pycurl.E_SSL_CACERT_BADFILE: Failure.TLS,
    pycurl.E_SSL_ISSUER_ERROR: Failure.TLS,
    pycurl.E_SSL_INVALIDCERTSTATUS: Failure.TLS,
    100: Failure.TOO_LARGE,  # CURLE_TOO_LARGE: one header line beyond 100 KB
}

SENTENCES = {100: "a header line of the answer is too long"}
"""Where libcurl has none."""

HEAD_BYTES = 300 * 1024
"""libcurl ends an answer whose header lines are longer in all, interim answers counted."""

_Socket = get_original("socket", "socket")


class Unsendable(RelayError):
    """A request that would not be the one that was meant: a header with a line break in it."""


class Transfer:
    """A handle, and what its current POST has brought so far."""

    __slots__ = (
        "_complaint",
        "_excerpt",
        "_head",
        "_keep_bytes",
        "_new",
        "_opened",
        "_route",
        "_swallowed",
        "curl",
        "sends",
    )

    def __init__(self, *, ca_file: str, idle_s: float, opened: Callable[[int], None]) -> None:
        self._opened = opened
        self._head = bytearray()
        self._excerpt = bytearray()
        self._swallowed = 0
        self._keep_bytes = EXCERPT_BYTES
        self._complaint = ""
        self._new = False  # the connection was opened for this POST
        self.sends = 0  # how often libcurl has begun to send it
        self._route = NOWHERE
        self.curl = curl = pycurl.Curl()
        curl.setopt(pycurl.POST, 1)
        curl.setopt(pycurl.USERAGENT, "")  # the request's own, if any
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.PATH_AS_IS, 1)
        curl.setopt(pycurl.TCP_NODELAY, 1)
        curl.setopt(pycurl.MAXAGE_CONN, int(idle_s))
        curl.setopt(pycurl.NOPROXY, "")
        curl.setopt(pycurl.CAINFO, ca_file)
        curl.setopt(pycurl.HEADERFUNCTION, self._head.extend)
        curl.setopt(pycurl.WRITEFUNCTION, self._write)
        curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open)
        curl.setopt(pycurl.PREREQFUNCTION, self._ready)

    def fill(self, request: Request, route: Route) -> None:
        """Makes it ready for one POST to that very address. Raises Unsendable."""
        lines = [f"{name}: {value}" for name, value in request.headers]
        text = "".join(lines)
        if not (text.isascii() and text.isprintable()):
            raise Unsendable("a header holds a line break or another character that can't be sent")
        lines.append("Expect:")
        del self._head[:], self._excerpt[:]
        self._swallowed = 0
        self._complaint = ""
        self.sends = 0
        self._keep_bytes = request.keep_bytes
        self._follow(route)
        self.curl.setopt(pycurl.HTTPHEADER, lines)
        self.curl.setopt(pycurl.POSTFIELDS, request.body)
        self.curl.setopt(pycurl.TIMEOUT_MS, max(1, int(route.wait_s * 1000)))

    @property
    def died_under_it(self) -> bool:
        """Whether it was ended because a kept connection had died, and libcurl meant to send it on another kept one."""
        return self.sends > 1 and not self._new

    def outcome(self, code: int, sentence: str) -> Answered | Failed:
        """What became of it, once libcurl is done."""
        if code == pycurl.E_OK or len(self._excerpt) == self._keep_bytes:
            headers = read_headers(self._head)
            if headers is not None:
                status = self.curl.getinfo(pycurl.RESPONSE_CODE)
                return Answered(status=status, headers=headers, excerpt=bytes(self._excerpt), timing=self._timing())
            sentence = "the answer ended amid its headers"
        detail = self._complaint or sentence or SENTENCES.get(code, f"libcurl's error {code}")
        return Failed(
            failure=self._failure(code), detail=detail.encode("ascii", "replace").decode(), timing=self._timing()
        )

    def _failure(self, code: int) -> Failure:
        failure = FAILURES.get(code, Failure.RESET)
        if failure is Failure.RESET and len(self._head) > HEAD_BYTES // 2:
            return Failure.TOO_LARGE
        if failure is Failure.RESET and self.curl.getinfo(pycurl.HTTP_CONNECTCODE) >= 300:
            return Failure.CONNECT  # the proxy won't
        return failure

    def close(self) -> None:
        self.curl.close()

    def _follow(self, route: Route) -> None:
        curl, before = self.curl, self._route
        self._route = route
        if route.url != before.url or route.address != before.address or route.proxy != before.proxy:
            address = f"[{route.address}]" if ":" in route.address else route.address
            curl.setopt(pycurl.URL, route.url)
            curl.setopt(pycurl.CONNECT_TO, [f"::{address}:{route.port}"])  # for any host and port
            curl.setopt(pycurl.PROXY, route.proxy)  # set even when empty: else libcurl reads the environment
        if route.fresh != before.fresh:
            curl.setopt(pycurl.FRESH_CONNECT, int(route.fresh))
        if route.connect_wait_s != before.connect_wait_s:
            curl.setopt(pycurl.CONNECTTIMEOUT_MS, max(1, int(route.connect_wait_s * 1000)))

    def _timing(self) -> Timing:
        get, offset_s = self.curl.getinfo, self._route.offset_s
        connect_s = get(pycurl.CONNECT_TIME)
        tls_s = get(pycurl.APPCONNECT_TIME)
        first_byte_s = get(pycurl.STARTTRANSFER_TIME)
        return Timing(
            dns_s=self._route.dns_s,
            connect_s=connect_s and offset_s + connect_s,
            tls_s=tls_s and offset_s + tls_s,
            first_byte_s=first_byte_s and offset_s + first_byte_s,
            total_s=offset_s + get(pycurl.TOTAL_TIME),
        )

    def _write(self, chunk: bytes) -> int:
        room = self._keep_bytes - len(self._excerpt)
        if room > 0:
            self._excerpt += chunk[:room]
        self._swallowed += len(chunk)
        return len(chunk) if self._swallowed <= SWALLOW_BYTES else 0

    def _open(self, _purpose: int, address: tuple[int, int, int, tuple[str, int]]) -> int:
        """A socket to the vetted address and to no other, whatever libcurl has made of the URL."""
        family, kind, protocol, (peer, *_) = address
        if not self._route.leads_to(peer):
            self._complaint = f"{peer} is not the address that was vetted"
            return int(pycurl.SOCKET_BAD)
        try:
            fd = int(_Socket(family, kind, protocol).detach())
        except OSError as error:
            self._complaint = str(error)
            return int(pycurl.SOCKET_BAD)
        self._new = True
        self._opened(fd)
        return fd

    def _ready(self, peer: str, _local: str, _peer_port: int, _local_port: int) -> int:
        """Whether to send the request now, on a new connection or a kept one.

        When a kept connection dies before it answers, libcurl sends the POST again on the next, six times in all if
        they all die. Here it goes out twice at most, the second time on a new connection.
        """
        if not self._route.leads_to(peer):
            self._complaint = f"{peer} is not the address that was vetted"
            return int(pycurl.PREREQFUNC_ABORT)
        self.sends += 1
        if self.sends == 1:
            self._new = False
        elif not self._new or self.sends > 2:
            return int(pycurl.PREREQFUNC_ABORT)
        return int(pycurl.PREREQFUNC_OK)
