"""One peer of the server: its requests, one after another, each read within the limits and answered once.

pywsgi does the work; this adds what it lacks: deadlines, sizes, strict framing, its log turned to ours, and an orderly
end. A request line is never logged with its query: clients of the old Slack API put tokens there.
"""

import errno
import http.client
import io
import logging
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from gevent.pywsgi import Input
from geventwebsocket.handler import WebSocketHandler
from greenlet import GreenletExit
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    RequestEntityTooLarge,
    RequestHeaderFieldsTooLarge,
    RequestURITooLarge,
)

from relay.http.body import Body
from relay.http.framing import HeaderLines, judge
from relay.http.reading import Part, Reading
from relay.http.refusal import Refusal, as_bytes, internal_error, refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from gevent.pywsgi import OldMessage
    from gevent.socket import socket as Socket

    from relay.http.server import Acceptor

LOG = logging.getLogger("relay.http")

LONGEST_LINE = 8192  # what pywsgi reads of a request line


class QuietPeer(WebSocketHandler):  # type: ignore[misc]  # its base has no types
    """pywsgi's three ways to talk about a request, turned to our log; and the answer when the application fails."""

    server: "Acceptor"
    socket: "Socket"
    close_connection: bool
    response_length: int
    command: str | None
    path: str | None
    request_version: str | None

    def log_request(self) -> None:
        """No access log: the rooms report what matters to them."""

    def log_error(self, msg: str, *args: object) -> None:
        """What a stranger said wrong is answered; written down, it would be theirs to fill our disk with."""

    def handle_error(self, _t: type[BaseException] | None, v: BaseException | None, _tb: TracebackType | None) -> None:
        if isinstance(v, HTTPException):
            self._answer_instead(refusal(v))
            return
        if v is not None and not isinstance(v, GreenletExit):
            path = (self.path or "").partition("?")[0]
            LOG.error("%s %s failed", self.command, path, exc_info=v)
        self._answer_instead(internal_error())

    def _answer_instead(self, answer: Refusal) -> None:
        self.close_connection = True
        if self.response_length:
            return  # too late: the peer sees a cut answer
        status, header, body = answer
        try:
            self.start_response(status, header)
            self.write(body)
        except OSError:
            pass  # nobody is there to read it


class Peer(QuietPeer):
    """Reads requests within the server's limits."""

    content_length: int | None
    wsgi_input: Body

    def __init__(self, sock: "Socket", address: object, server: "Acceptor") -> None:
        self._reading = Reading(sock, server.waiting)
        super().__init__(sock, address, server, rfile=io.BufferedReader(self._reading))

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            pass  # the peer is gone, in the middle of something

    def handle_one_request(self) -> Literal[True] | None:
        try:
            result = super().handle_one_request()
        except HTTPException as fault:
            result = self._handle_client_error(fault)
        if result is True and not self.server.stopping:
            return True
        if isinstance(result, tuple):
            self._refuse(result[1])
        self._leave()
        return None

    def read_requestline(self) -> str:
        limits = self.server.limits
        self._reading.expect(Part.NOTHING, within_s=limits.idle_s, at_most_bytes=limits.header_bytes)
        if self.server.stopping or not self.rfile.peek(1):
            return ""
        self._reading.expect(Part.HEADER, within_s=limits.header_s, at_most_bytes=limits.header_bytes)
        line: str = super().read_requestline()
        if len(line) >= LONGEST_LINE:  # pywsgi would answer this with an empty body
            raise RequestURITooLarge(f"A request line may have {LONGEST_LINE} bytes.")
        return line

    def read_request(self, raw_requestline: str) -> bool:
        if len(raw_requestline.split()) != 3:
            raise BadRequest("The request line is not one of HTTP/1.")
        super().read_request(raw_requestline)
        limits = self.server.limits
        if (self.content_length or 0) > limits.body_bytes:
            raise RequestEntityTooLarge(f"A request's body may have {limits.body_bytes} bytes.")
        at_most_bytes = limits.body_bytes if self.content_length is None else self.content_length
        self._reading.expect(Part.BODY, within_s=limits.body_s, at_most_bytes=at_most_bytes)
        return True

    def MessageClass(self, stream: io.BufferedReader, *_old: int) -> "OldMessage":  # noqa: N802  # pywsgi's name
        """The header of a request, if there is no doubt about it."""
        header: OldMessage = super().MessageClass(HeaderLines(stream))
        judge(header, wants_host=self.request_version == "HTTP/1.1")
        return header

    def get_environ(self) -> "WSGIEnvironment":
        environ: WSGIEnvironment = super().get_environ()
        plain: Input = self.wsgi_input
        self.wsgi_input = Body(plain.rfile, plain.content_length, plain.socket, plain.chunked_input)
        environ["wsgi.input"] = self.wsgi_input
        environ["wsgi.input_terminated"] = True
        return environ

    def handle_one_response(self) -> None:
        super().handle_one_response()
        if self.wsgi_input.broken:
            self.close_connection = True

    def finalize_headers(self) -> None:
        super().finalize_headers()
        if self.server.stopping and not self.close_connection:
            self.close_connection = True
            self.response_headers.append((b"Connection", b"close"))

    def _handle_client_error(self, ex: Exception) -> tuple[str, bytes]:
        if isinstance(ex, http.client.HTTPException):  # a line or a header of theirs is beyond pywsgi's own limits
            ex = RequestHeaderFieldsTooLarge("The request's header is too large.")
        fault = ex if isinstance(ex, HTTPException) else BadRequest("This is not a request of HTTP/1.1.")
        answer = refusal(fault)
        return answer[0], as_bytes(answer)

    def _sendall(self, chunk: bytes) -> None:
        self.socket.settimeout(self.server.limits.send_s)
        self.server.waiting.add(self._reading)
        try:
            super()._sendall(chunk)
        except TimeoutError:
            raise ConnectionResetError(errno.ECONNRESET, "the peer does not read") from None
        finally:
            self.server.waiting.discard(self._reading)

    def _refuse(self, answer: bytes) -> None:
        try:
            self.socket.settimeout(self.server.limits.send_s)
            self.socket.sendall(answer)
        except OSError:
            return
        self._reading.drain(self.server.limits.linger_s)

    def _leave(self) -> None:
        """The gevent socket is closed here, before pywsgi closes the one below it, which would not cancel waits."""
        self.rfile.close()
        self.socket.close()
        self.socket = None  # type: ignore[assignment]  # pywsgi's sign that there is nothing left to close
