"""What the HTTP server bears from one request: its sizes, its slowness, its doubtful ends."""

import socket

import pytest

from tests.edges.raw import connected, everything
from tests.edges.strangers import GET, POST, port, problem, released, serve, status
from tests.waiting import until

FIXTURES = (port, released, serve)


def test_an_idle_peer_is_let_go_without_a_word(port: int) -> None:
    with connected(port) as client:
        assert everything(client) == b""


def test_a_slow_header_is_answered_408(port: int) -> None:
    with connected(port, b"GET / HTTP/1.1\r\nHost: he") as client:
        assert problem(everything(client))["code"] == "request_timeout"


def test_a_header_that_drips_is_cut_at_the_deadline_all_the_same(port: int) -> None:
    with connected(port, b"GET / HTTP/1.1\r\n") as client:

        def is_cut() -> bool:
            try:
                client.sendall(b"a")
                client.settimeout(0.02)
                return client.recv(1000).startswith(b"HTTP/1.1 408")
            except TimeoutError:
                return False

        until(is_cut)


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
    with connected(port, request_line + b"x") as client:
        assert everything(client).endswith(b"not interested")


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: +5",
        b"Content-Length: 1_0",
        b"Content-Length: -1",
        b"Content-Length: five",
        b"Content-Length : 5",
        b"Content-Length: 5\r\n folded",
        b"Content-Length: 5\x00",
        b" Content-Length: 5",
        b"no header at all",
        b"X: y\nContent-Length: 5\rZ: 1",
        b"Host: another",
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


def test_a_request_without_a_host_is_a_bad_one(port: int) -> None:
    with connected(port, b"GET / HTTP/1.1\r\n\r\n") as client:
        assert status(everything(client)) == 400
    with connected(port, b"GET / HTTP/1.0\r\n\r\n") as client:
        assert status(everything(client)) == 200


def test_who_asks_before_sending_is_told_to_go_on(port: int) -> None:
    asks = POST + b"Expect: 100-continue\r\nConnection: close\r\n"
    with connected(port, asks + b"Content-Length: 3\r\n\r\n") as client:
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        assert everything(client).endswith(b"abc")
    with connected(port, asks + b"Content-Length: 100000\r\n\r\n") as client:
        assert status(everything(client)) == 413
