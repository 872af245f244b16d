"""The HTTP server among strangers: slow ones, loud ones, broken ones; and its own end."""

import http.client
import json
import logging
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import gevent
import pytest
from flask import Flask, Response, request

from relay.http.limits import Limits
from relay.http.server import CannotListen, HttpServer
from tests.edges.raw import connected, everything
from tests.waiting import until

GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: here\r\n"

Serve = Callable[[Limits], HttpServer]


def application() -> Flask:
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
        gevent.sleep(0.3)
        return "at last"

    @app.get("/stuck")
    def hang() -> str:
        gevent.sleep(60)
        return "never"

    @app.get("/large")
    def pour() -> Response:
        return Response((b"x" * 65536 for _ in range(1600)), mimetype="text/plain")

    @app.get("/broken")
    def fail() -> str:
        raise LookupError("a bug of ours")

    return app


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(limits: Limits) -> HttpServer:
            server = HttpServer(application(), "127.0.0.1", 0, limits=limits)
            server.start()
            stack.callback(server.stop, within_s=0.2)
            return server

        yield start


@pytest.fixture
def port(serve: Serve) -> int:
    """Of a server with limits that a test can reach."""
    limits = Limits(idle_s=0.5, header_s=0.3, body_s=0.3, send_s=0.5, header_bytes=4096, body_bytes=10_000)
    return serve(limits).port


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Room for a thousand clients in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


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


def test_kept_connections_answer_without_nagles_delay(port: int) -> None:
    client = http.client.HTTPConnection("127.0.0.1", port)
    begun = time.monotonic()
    for _ in range(20):
        client.request("GET", "/")
        assert client.getresponse().read() == b"hello"
    assert time.monotonic() - begun < 0.4  # 20 × 44 ms else
    client.close()


def test_two_requests_sent_at_once_are_answered_in_turn(port: int) -> None:
    body = POST + b"Content-Length: 3\r\n\r\nabc"
    with connected(port, body + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")) as client:
        answers = everything(client)
    assert answers.index(b"abc") < answers.index(b"hello")


def test_a_chunked_body_is_read(port: int) -> None:
    with connected(
        port, POST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    ) as client:
        assert everything(client).endswith(b"abc")


def test_an_idle_peer_is_let_go_without_a_word(port: int) -> None:
    with connected(port) as client:
        assert everything(client) == b""


def test_a_slow_header_is_answered_408(port: int) -> None:
    with connected(port, b"GET / HTTP/1.1\r\nHost: he") as client:
        assert problem(everything(client))["code"] == "request_timeout"


def test_a_header_that_drips_is_cut_at_the_deadline_all_the_same(port: int) -> None:
    with connected(port, b"GET / HTTP/1.1\r\n") as client:
        begun = time.monotonic()

        def is_cut() -> bool:
            try:
                client.sendall(b"a")
                client.settimeout(0.02)
                return client.recv(1000).startswith(b"HTTP/1.1 408")
            except TimeoutError:
                return False

        until(is_cut, within_s=5)
        assert 0.2 < time.monotonic() - begun < 2


def test_a_slow_body_is_answered_408(port: int) -> None:
    with connected(port, POST + b"Content-Length: 100\r\n\r\nabc") as client:
        assert status(everything(client)) == 408


def test_a_body_that_ends_early_is_a_bad_request(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with connected(port, POST + b"Content-Length: 100\r\n\r\nabc") as client:
        client.shutdown(socket.SHUT_WR)
        assert status(everything(client)) == 400
    assert not caplog.records


def test_a_huge_header_is_answered_431(port: int) -> None:
    with connected(port, b"GET / HTTP/1.1\r\nX: " + b"x" * 10_000 + b"\r\n\r\n") as client:
        assert status(everything(client)) == 431


def test_many_headers_are_answered_431(port: int) -> None:
    with connected(port, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n") as client:
        assert status(everything(client)) == 431


def test_a_huge_body_is_answered_413_even_to_a_client_that_reads_after_sending(port: int) -> None:
    with connected(port, POST + b"Content-Length: 20000000\r\n\r\n", b"x" * 20_000_000) as client:
        assert problem(everything(client))["code"] == "request_entity_too_large"


def test_a_chunked_body_without_end_is_answered_413(port: int) -> None:
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    with connected(port, POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 5) as client:
        assert status(everything(client)) == 413


def test_a_body_that_nobody_reads_still_has_limits(port: int) -> None:
    request_line = b"POST /deaf HTTP/1.1\r\nHost: here\r\nContent-Length: 9000\r\n\r\n"
    begun = time.monotonic()
    with connected(port, request_line + b"x") as client:
        assert everything(client).endswith(b"not interested")
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: +5",
        b"Content-Length: 1_0",
        b"Content-Length: -1",
        b"Content-Length: five",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    ],
)
def test_a_body_whose_end_is_in_doubt_is_a_bad_request(port: int, header: bytes) -> None:
    with connected(port, POST + header + b"\r\n\r\n0\r\n\r\n") as client:
        answer = everything(client)
    assert status(answer) == 400
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    "line", [b"GET /\r\n\r\n", b"\x16\x03\x01\x02\r\n\r\n", b"GET / HTTP/3\r\n\r\n", b"hello\r\n\r\n"]
)
def test_what_is_not_http_1_is_a_bad_request(port: int, line: bytes) -> None:
    with connected(port, line) as client:
        assert status(everything(client)) == 400


def test_a_broken_chunk_is_a_bad_request_and_the_last_one(port: int) -> None:
    with connected(port, POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n" + GET) as client:
        answer = everything(client)
    assert status(answer) == 400
    assert answer.count(b"HTTP/1.1") == 1


def test_our_own_fault_is_a_500_and_a_log_line_without_the_query(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with connected(port, GET.replace(b"/ ", b"/broken?token=xoxb-secret ", 1)) as client:
        assert b"500" in client.recv(1000)
    assert "a bug of ours" in caplog.text
    assert "xoxb-secret" not in caplog.text


def test_a_fault_below_flask_is_a_problem(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    def app(environ: object, start_response: object) -> list[bytes]:
        raise LookupError("a bug of ours")

    server = HttpServer(app, "127.0.0.1", 0)
    server.start()
    with connected(server.port, GET.replace(b"/ ", b"/?token=xoxb-secret ", 1)) as client:
        assert problem(everything(client))["code"] == "internal_server_error"
    server.stop()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "xoxb-secret" not in caplog.text


def test_a_peer_that_does_not_read_is_cut_off(serve: Serve) -> None:
    server = serve(Limits(send_s=0.2))
    with connected(server.port, GET.replace(b"/ ", b"/large ", 1)):
        until(lambda: server.peers == 1)
        until(lambda: server.peers == 0, within_s=5)


def test_a_thousand_silent_clients_keep_nobody_out(serve: Serve, descriptors: None) -> None:
    server = serve(Limits(peers=100))
    with ExitStack() as stack:
        for number in range(1000):
            opening = b"" if number % 2 else b"POST /echo HTTP/1.1\r\nContent-Length: 99\r\n\r\n{"
            stack.enter_context(connected(server.port, opening))
        begun = time.monotonic()
        assert all(is_answering(server.port) for _ in range(20))
        assert time.monotonic() - begun < 2
        assert server.peers <= 200


def test_peers_that_are_being_answered_are_not_sent_away(serve: Serve) -> None:
    server = serve(Limits(peers=3))
    slow = GET.replace(b"/ ", b"/slow ", 1)
    with ExitStack() as stack:
        busy = [stack.enter_context(connected(server.port, slow)) for _ in range(3)]
        until(lambda: server.peers == 3)
        with connected(server.port, GET) as late:
            assert everything(late) == b""  # no place, and nobody to make room
        assert all(client.recv(1000).startswith(b"HTTP/1.1 200") for client in busy)


def test_stop_answers_what_is_under_way_and_takes_nothing_new(serve: Serve) -> None:
    server = serve(Limits())
    port = server.port
    with connected(port, GET.replace(b"/ ", b"/slow ", 1)) as busy, connected(port) as idle:
        until(lambda: server.peers == 2)
        gevent.sleep(0)
        stopping = gevent.spawn(server.stop, within_s=5)
        assert everything(idle) == b""
        answer = everything(busy)
        assert answer.endswith(b"at last")
        assert b"Connection: close" in answer
        stopping.join()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_stop_cuts_what_takes_too_long(serve: Serve) -> None:
    server = serve(Limits())
    with connected(server.port, GET.replace(b"/ ", b"/stuck ", 1)):
        until(lambda: server.peers == 1)
        begun = time.monotonic()
        server.stop(within_s=0.2)
        assert time.monotonic() - begun < 1.5


def test_a_taken_port_is_said_plainly(port: int) -> None:
    with pytest.raises(CannotListen, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
        HttpServer(application(), "127.0.0.1", port).start()
