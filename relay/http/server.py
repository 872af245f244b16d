"""The server: a listening socket, a bounded number of peers, and an orderly end.

A stranger who opens connections and says nothing costs others nothing: when all places are taken, the peer that we have
waited for longest makes room. Peers whose request is being worked on, and WebSockets, are never sent away for that.
"""

import errno
import heapq
import logging
import socket
from time import monotonic
from typing import TYPE_CHECKING

from gevent.pool import Pool
from gevent.pywsgi import WSGIServer
from gevent.socket import socket as Socket
from websockets.frames import CloseCode

from relay.core.errors import RelayError
from relay.http.limits import Limits
from relay.http.reading import Reading
from relay.http.upgrade import UpgradablePeer
from relay.http.websocket import WebSocket

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

BACKLOG = 1024
EVICTED_AT_ONCE = 50  # one in so many of all places: looking for the longest waits costs a look at each peer
LAST_S = 1.0  # for greenlets that are killed

OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)


class CannotListen(RelayError):
    """The address is taken, or not ours."""


class Acceptor(WSGIServer):
    """pywsgi's server, which knows its peers."""

    handler_class = UpgradablePeer
    logger = logging.getLogger("relay.http")  # for WebSocketHandler, which else makes one that prints

    def __init__(self, listener: Socket, app: "WSGIApplication", limits: Limits) -> None:
        host, port = listener.getsockname()[:2]
        known = {"SERVER_NAME": host, "SERVER_PORT": str(port)}  # pywsgi asks the DNS for what is not here
        self.peers = Pool()
        super().__init__(listener, app, spawn=self.peers, log=None, error_log=None, environ=known)
        self.limits = limits
        self.waiting: set[Reading] = set()
        self.websockets: set[WebSocket] = set()
        self.stopping = False

    def do_handle(self, *args: Socket) -> None:
        if len(self.peers) >= self.limits.peers and not self._make_room():
            args[0].close()
        else:
            super().do_handle(*args)

    def do_read(self) -> tuple[Socket, object] | None:  # type: ignore[override]  # the stub has not seen it say None
        try:
            return super().do_read()
        except OSError as fault:
            if fault.errno in OUT_OF_DESCRIPTORS and self._make_room():
                return None  # the loop comes again, and then there is one
            raise

    def _make_room(self) -> bool:
        longest = heapq.nsmallest(max(1, self.limits.peers // EVICTED_AT_ONCE), self.waiting, key=lambda one: one.since)
        for reading in longest:
            self.waiting.discard(reading)
            reading.let_go()
        return bool(longest)


class HttpServer:
    """`server = HttpServer(app, host, port); server.start(); …; server.stop(within_s=…)`. Port 0 takes a free one."""

    def __init__(self, app: "WSGIApplication", host: str, port: int, *, limits: Limits = Limits()) -> None:
        self._app = app
        self._host = host
        self._wanted_port = port
        self._limits = limits
        self._acceptor: Acceptor | None = None

    def __repr__(self) -> str:
        state = "stopped" if self._acceptor is None else f"on {self.url} peers={self.peers}"
        return f"<HttpServer {state}>"

    @property
    def port(self) -> int:
        return int(self._running.address[1])

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    @property
    def peers(self) -> int:
        """Open connections."""
        return len(self._running.peers)

    def start(self) -> None:
        """Listens. Raises CannotListen."""
        self._acceptor = Acceptor(_listener(self._host, self._wanted_port), self._app, self._limits)
        self._acceptor.start()

    def stop(self, *, within_s: float = 5.0) -> None:
        """No new peers; answers what is under way, closes WebSockets (1001); what is left after `within_s` is cut."""
        if self._acceptor is None:
            return
        acceptor, self._acceptor = self._acceptor, None
        deadline = monotonic() + within_s
        acceptor.stopping = True
        acceptor.close()
        for reading in [one for one in acceptor.waiting if one.idle]:
            reading.let_go()
        for websocket in list(acceptor.websockets):
            websocket.close(CloseCode.GOING_AWAY, "the server stops")
        acceptor.peers.join(timeout=max(0.0, deadline - monotonic()))
        acceptor.peers.kill(timeout=LAST_S)

    @property
    def _running(self) -> Acceptor:
        if self._acceptor is None:
            raise RuntimeError("the server is not running")
        return self._acceptor


def _listener(host: str, port: int) -> Socket:
    """TCP_NODELAY is inherited by what it accepts: without it pywsgi's two sends an answer cost 40 ms (Nagle)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = Socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as fault:
        listener.close()
        raise CannotListen(f"cannot listen on {host}:{port}: {fault.strerror or fault}") from fault
    listener.setblocking(False)
    return listener
