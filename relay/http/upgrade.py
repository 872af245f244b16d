"""From HTTP to WebSocket: the application decides, in its own view, by calling `accept`.

gevent-websocket's `WebSocketHandler` does pywsgi's side of the switch, `websockets` judges the handshake and speaks
the frames. gevent-websocket's own `WebSocket` is never made: a remote peer can abort the process through it, and its
finaliser writes a close frame ahead of our 101. A Flask view says `@app.route(…, websocket=True)`, uses
`with accept(request.environ) as websocket:`, and may return anything: after the 101 there is nobody to send it to.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from werkzeug.exceptions import Forbidden, HTTPException

from relay.http.peer import Peer
from relay.http.websocket import SocketOptions, WebSocket, WebSocketClosed

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import WSGIEnvironment

PEER = "relay.http.peer"
SWITCHING = 101


@contextmanager
def accept(environ: "WSGIEnvironment", options: SocketOptions = SocketOptions()) -> Iterator[WebSocket]:
    """The WebSocket that the request asked for; closed when the block ends.

    A peer that leaves ends the block quietly (WebSocketClosed goes no further). Raises an HTTPException, to answer the
    request with, when the handshake is wrong or its page comes from an origin that is not welcome.
    """
    peer = environ[PEER]
    if not _is_welcome(environ.get("HTTP_ORIGIN"), environ.get("HTTP_HOST", ""), options.origins):
        raise Forbidden("A page from this origin may not connect.")
    handshake = ServerProtocol(extensions=[ServerPerMessageDeflateFactory()] if options.deflate else None)
    response = handshake.accept(_request(environ))
    if response.status_code != SWITCHING:
        raise _fault(response)
    ahead = peer.switch(response)
    websocket = WebSocket(peer.socket, options, extensions=handshake.extensions, ahead=ahead)
    peer.server.websockets.add(websocket)
    try:
        yield websocket
        websocket.finish()
    except WebSocketClosed:
        websocket.finish()
    except Exception:
        websocket.close(CloseCode.INTERNAL_ERROR)
        websocket.finish()
        raise
    finally:
        websocket.abort()  # nothing, if it is finished
        peer.server.websockets.discard(websocket)


class UpgradablePeer(Peer):
    """A peer whose request may become a WebSocket."""

    connection_upgraded: bool

    def get_environ(self) -> "WSGIEnvironment":
        environ = super().get_environ()
        environ[PEER] = self
        return environ

    def upgrade_websocket(self) -> None:
        """Not yet: until the application accepts, this is a request like others."""

    def switch(self, response: Response) -> bytes:
        """Sends the 101; from here on the socket is no more ours. Says what the peer sent ahead of our answer."""
        self._reading.end()
        self.environ["wsgi.websocket"] = True  # WebSocketHandler's sign: no length, no chunks, no next request
        self.start_response("101 Switching Protocols", list(response.headers.raw_items()))
        self.write(b"")
        return self.rfile.read() or b""

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: "OptExcInfo | None" = None
    ) -> Callable[[bytes], None]:
        if not self.connection_upgraded:
            super().start_response(status, headers, exc_info)
        return self.write

    def write(self, chunk: bytes) -> None:
        if not self.connection_upgraded:
            super().write(chunk)


def _is_welcome(origin: str | None, host: str, allowed: frozenset[str] | None) -> bool:
    """Browsers name their page's origin; programs name none. The scheme may differ: a proxy ends TLS before us."""
    return allowed is None or origin is None or urlsplit(origin).netloc == host or origin in allowed


def _request(environ: "WSGIEnvironment") -> Request:
    names = (name for name in environ if name.startswith("HTTP_"))
    headers = Headers((name.removeprefix("HTTP_").replace("_", "-"), environ[name]) for name in names)
    return Request(environ["PATH_INFO"], headers, environ["REQUEST_METHOD"], environ["SERVER_PROTOCOL"])


def _fault(response: Response) -> HTTPException:
    fault = HTTPException((response.body or b"").decode().partition("\n")[0])
    fault.code = response.status_code
    return fault
