"""A small application among strangers, and how they read its answers. The tests of the server import its fixtures."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from flask import Flask, Response, request
from gevent.event import Event

from relay.http.limits import Limits
from relay.http.server import HttpServer
from tests.edges.raw import connected

GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: here\r\n"

Serve = Callable[[Limits], HttpServer]


def application(released: Event) -> Flask:
    app = Flask("strangers")

    @app.get("/")
    def greet() -> str:
        return "hello"

    @app.post("/echo")
    def echo() -> bytes:
        return request.get_data()

    @app.post("/deaf")
    def ignore_the_body() -> str:
        return "not interested"

    @app.get("/slow")
    def wait() -> str:
        released.wait()
        return "at last"

    @app.get("/large")
    def pour() -> Response:
        return Response((b"x" * 65536 for _ in range(1600)), mimetype="text/plain")

    @app.get("/broken")
    def fail() -> str:
        raise LookupError("a bug of ours")

    return app


@pytest.fixture
def released() -> Event:
    """`GET /slow` is answered once it is set."""
    return Event()


@pytest.fixture
def serve(released: Event) -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(limits: Limits) -> HttpServer:
            server = HttpServer(application(released), "127.0.0.1", 0, limits=limits)
            server.start()
            stack.callback(server.stop, within_s=0.2)
            return server

        yield start


@pytest.fixture
def port(serve: Serve) -> int:
    """Of a server with limits that a test can reach."""
    limits = Limits(idle_s=0.5, header_s=0.3, body_s=0.3, send_s=0.5, header_bytes=4096, body_bytes=10_000)
    return serve(limits).port


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def problem(answer: bytes) -> dict[str, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    said = json.loads(body)
    assert isinstance(said, dict)
    return said


def is_answering(port: int) -> bool:
    with connected(port, GET) as client:
        return client.recv(1000).startswith(b"HTTP/1.1 200")
