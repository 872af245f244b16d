"""A server whose WebSockets answer; run as a program, it prints its port and serves until its stdin ends."""

import sys

import gevent
from flask import Flask, Response, abort, request

from relay.http.limits import Limits
from relay.http.server import HttpServer
from relay.http.upgrade import accept
from relay.http.websocket import SocketOptions, WebSocket

OPTIONS = SocketOptions(
    message_bytes=200_000, outbox_bytes=200_000, send_s=0.3, ping_s=0.2, dead_s=0.6, close_s=0.3, deflate=True
)
FLOOD = "x" * 50_000


def obey(websocket: WebSocket) -> None:
    """Says everything back, but for a few words that it does."""
    while True:
        match websocket.receive():
            case "leave":
                websocket.close(4001, "as you like")
            case "fail":
                raise LookupError("a bug of ours")
            case "return":
                return
            case "flood":
                gevent.spawn(flood, websocket)
            case heard if heard is not None:
                websocket.send(heard)


def flood(websocket: WebSocket) -> None:
    while websocket.open:
        if not websocket.send(FLOOD):
            websocket.flush(0.01)


def server() -> HttpServer:
    app = Flask("echo")

    @app.get("/")
    def greet() -> str:
        return "hello"

    @app.get("/ws", websocket=True)
    def echo() -> Response:
        with accept(request.environ, OPTIONS) as websocket:
            obey(websocket)
        return Response("nobody reads this")

    @app.get("/friends", websocket=True)
    def only_friends() -> str:
        with accept(request.environ, SocketOptions(origins=frozenset({"https://friend.example"}))) as websocket:
            obey(websocket)
        return ""

    @app.get("/members", websocket=True)
    def only_members() -> str:
        if "Authorization" not in request.headers:
            abort(401)
        with accept(request.environ, OPTIONS) as websocket:
            obey(websocket)
        return ""

    @app.get("/plain")
    def plain() -> str:
        with accept(request.environ, OPTIONS) as websocket:
            obey(websocket)
        return ""

    return HttpServer(app, "127.0.0.1", 0, limits=Limits(send_s=1))


def main() -> None:
    serving = server()
    serving.start()
    sys.stdout.write(f"{serving.port}\n")
    sys.stdout.flush()
    gevent.get_hub().threadpool.apply(input)
    serving.stop(within_s=1)
