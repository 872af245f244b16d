"""The HTTP server among strangers: how it answers, how many it bears, how it fails and how it ends."""

import logging
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import gevent
import pytest
from gevent.event import Event

from relay.http.limits import Limits
from relay.http.server import CannotListen, HttpServer
from tests.edges.raw import connected, everything, faces
from tests.edges.strangers import GET, POST, Serve, application, is_answering, port, problem, released, serve
from tests.leftovers import own_sockets
from tests.waiting import until

FIXTURES = (port, released, serve)


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Room for a thousand clients in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_connections_answer_without_nagles_delay(port: int) -> None:
    with connected(port, GET) as client:
        assert client.recv(1000)
        [at_once] = [
            one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in own_sockets() if faces(one, client)
        ]
        assert at_once


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
        assert all(is_answering(server.port) for _ in range(20))
        assert server.peers <= 200


def test_peers_that_are_being_answered_are_not_sent_away(serve: Serve, released: Event) -> None:
    server = serve(Limits(peers=3))
    slow = GET.replace(b"/ ", b"/slow ", 1)
    with ExitStack() as stack:
        busy = [stack.enter_context(connected(server.port, slow)) for _ in range(3)]
        until(lambda: server.peers == 3)
        with connected(server.port, GET) as late:
            assert everything(late) == b""  # no place, and nobody to make room
        released.set()
        assert all(client.recv(1000).startswith(b"HTTP/1.1 200") for client in busy)


def test_peers_that_do_not_read_their_answer_make_room(serve: Serve) -> None:
    server = serve(Limits(peers=3))
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(connected(server.port, GET.replace(b"/ ", b"/large ", 1)))
        until(lambda: server.peers == 3)
        until(lambda: is_answering(server.port))


def test_stop_answers_what_is_under_way_and_takes_nothing_new(serve: Serve, released: Event) -> None:
    server = serve(Limits())
    port = server.port
    with connected(port, GET.replace(b"/ ", b"/slow ", 1)) as busy, connected(port) as idle:
        until(lambda: server.peers == 2)
        stopping = gevent.spawn(server.stop, within_s=5)
        assert everything(idle) == b""
        released.set()
        answer = everything(busy)
        assert answer.endswith(b"at last")
        assert b"Connection: close" in answer
        stopping.join()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_stop_cuts_what_takes_too_long(serve: Serve) -> None:
    server = serve(Limits())
    with connected(server.port, GET.replace(b"/ ", b"/slow ", 1)):
        until(lambda: server.peers == 1)
        with gevent.Timeout(10):
            server.stop(within_s=0.2)


def test_a_taken_port_is_said_plainly(port: int) -> None:
    with pytest.raises(CannotListen, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
        HttpServer(application(Event()), "127.0.0.1", port).start()
