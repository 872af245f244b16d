"""A proxy is used when it is set on purpose, as a tunnel to the vetted address, and never by accident."""

import os
from collections.abc import Iterator

import gevent
import pytest
from gevent import socket

from relay.core.outcome import Answered, Failed, Failure, Refused
from relay.core.proxy import Proxies, read_proxy
from relay.deliver.post import PostOptions
from tests.edges.endpoints import LOOPBACK, Endpoint, Peer, answering, post, poster_for, saying


def tunnel(peer: Peer) -> None:
    """A proxy that knows CONNECT only."""
    asked = peer.request() or b""
    host, _, port = asked.split()[1].decode().rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port))) as far:
        peer.send(b"HTTP/1.1 200 Connection established\r\nVia: tunnel\r\n\r\n")
        back = gevent.spawn(carry, far, peer.sock)
        carry(peer.sock, far)
        back.kill()


def carry(source: socket.socket, sink: socket.socket) -> None:
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    except OSError:
        pass


def through(proxy: Endpoint, *, without: tuple[str, ...] = (), password: str = "") -> PostOptions:
    there = read_proxy(f"http://{password}127.0.0.1:{proxy.port}")
    return PostOptions(
        allowed=LOOPBACK,
        proxies=Proxies(http=there, https=there, without=without),
        resolve=lambda host, port: ["127.0.0.1"],
    )


@pytest.fixture
def proxied_environment() -> Iterator[None]:
    names = ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY")
    os.environ.update(dict.fromkeys(names, "http://127.0.0.1:1"))
    yield
    for name in names:
        del os.environ[name]


def test_the_environment_alone_sets_no_proxy(proxied_environment: None) -> None:
    with Endpoint(answering()) as endpoint, poster_for() as poster:
        assert isinstance(post(poster, endpoint.url), Answered)


def test_a_proxy_is_asked_for_a_tunnel_to_the_vetted_address() -> None:
    with Endpoint(answering()) as endpoint, Endpoint(tunnel) as proxy, poster_for(through(proxy)) as poster:
        outcomes = [post(poster, f"http://hooks.example.com:{endpoint.port}/") for _ in range(2)]

    assert [isinstance(outcome, Answered) and outcome.headers for outcome in outcomes] == [
        (("content-length", "2"),)
    ] * 2
    assert proxy.requests[0].startswith(f"CONNECT 127.0.0.1:{endpoint.port} HTTP/1.1\r\n".encode())
    assert proxy.connections == 1
    assert b"hooks.example.com" in endpoint.requests[0]


def test_a_proxy_is_no_way_round_the_guard() -> None:
    with Endpoint(answering()) as endpoint, Endpoint(tunnel) as proxy, poster_for(through(proxy)) as poster:
        outcome = post(poster, f"http://10.0.0.1:{endpoint.port}/")

    assert isinstance(outcome, Refused)
    assert proxy.connections == 0


def test_no_proxy_is_heeded() -> None:
    with (
        Endpoint(answering()) as endpoint,
        Endpoint(tunnel) as proxy,
        poster_for(through(proxy, without=("example.com",))) as poster,
    ):
        assert isinstance(post(poster, f"http://hooks.example.com:{endpoint.port}/"), Answered)

    assert proxy.connections == 0


def test_a_proxy_s_password_goes_to_the_proxy_alone() -> None:
    with (
        Endpoint(answering()) as endpoint,
        Endpoint(tunnel) as proxy,
        poster_for(through(proxy, password="user:secret@")) as poster,
    ):
        post(poster, f"http://hooks.example.com:{endpoint.port}/")

    assert b"Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=" in proxy.requests[0]
    assert b"uthorization" not in endpoint.requests[0]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 503 No\r\n\r\n", b""])
def test_a_proxy_that_refuses_is_a_failure_to_connect(answer: bytes) -> None:
    with Endpoint(saying(answer)) as proxy, poster_for(through(proxy, password="user:secret@")) as poster:
        outcome = post(poster, "http://hooks.example.com:8080/")

    assert isinstance(outcome, Failed)
    assert outcome.failure in (Failure.CONNECT, Failure.RESET)
    assert "secret" not in outcome.detail


def test_a_proxy_that_is_away_is_a_failure_to_connect() -> None:
    with Endpoint(tunnel) as proxy:
        pass
    with poster_for(through(proxy)) as poster:
        outcome = post(poster, "http://hooks.example.com:8080/")

    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.CONNECT
