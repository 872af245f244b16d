"""Slack behind a proxy, and over TLS: the Web API and the WebSocket go the same way, and trust the same authorities."""

import os
import ssl
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gevent
import pytest
from gevent import socket

from relay.core.proxy import Proxies, read_proxy
from relay.slack.options import SlackOptions, tls_context
from tests.edges.certificates import Authority, make_authority
from tests.edges.endpoints import Endpoint, Peer
from tests.edges.scripted_slack import ScriptedSlack
from tests.edges.slack_side import SlackSide
from tests.waiting import until

NAME = "slack.test"
MESSAGE = {"type": "message", "channel": "C1", "user": "U1", "text": "hi", "ts": "1355517523.000005"}


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    """One that this process trusts, as a company's own is: by SSL_CERT_FILE."""
    authority = make_authority(tmp_path)
    os.environ["SSL_CERT_FILE"] = authority.ca_file
    yield authority
    del os.environ["SSL_CERT_FILE"]


def secure(authority: Authority, name: str = NAME) -> ScriptedSlack:
    return ScriptedSlack(tls=authority.serving(name), host=NAME)


def through(slack: ScriptedSlack, proxy: str) -> SlackOptions:
    there = read_proxy(proxy)
    return SlackOptions(api_url=slack.api_url, proxies=Proxies(http=there, https=there))


def tunnel(peer: Peer) -> None:
    """A proxy for which every name is this machine."""
    asked = peer.request() or b""
    port = int(asked.split()[1].rpartition(b":")[2])
    with socket.create_connection(("127.0.0.1", port)) as far:
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


def refusing(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")


def hanging_up(peer: Peer) -> None:
    peer.request()


def test_everything_goes_through_the_proxy(redis_url: str, authority: Authority) -> None:
    with secure(authority) as slack, Endpoint(tunnel) as proxy:
        options = through(slack, f"http://user:pass%20word@127.0.0.1:{proxy.port}")
        with SlackSide(redis_url, options) as worker:
            worker.becomes("connected")
            slack.sockets[0].say(MESSAGE)
            worker.hears(1)
            assert proxy.connections >= 5  # auth.test, bots.info, users.conversations, rtm.connect, the WebSocket
            word = b64encode(b"user:pass word")
            for request in proxy.requests:
                assert request.startswith(f"CONNECT {slack.address} HTTP/1.1\r\n".encode())
                assert b"Proxy-Authorization: Basic " + word in request
                assert b"xoxb" not in request


def test_a_proxy_that_refuses_is_named(redis_url: str, authority: Authority) -> None:
    with secure(authority) as slack, Endpoint(refusing) as proxy:
        options = through(slack, f"http://user:secret@127.0.0.1:{proxy.port}")
        with SlackSide(redis_url, options) as worker:
            until(lambda: (state := worker.state()) and state.error)
            assert "407" in worker.becomes("connecting").explanation
            assert "secret" not in worker.becomes("connecting").explanation


def test_a_proxy_that_hangs_up_is_tried_again(redis_url: str, authority: Authority) -> None:
    with secure(authority) as slack, Endpoint(hanging_up) as proxy:
        options = through(slack, f"http://127.0.0.1:{proxy.port}")
        with SlackSide(redis_url, options) as worker:
            until(lambda: (state := worker.state()) and "hung up" in state.explanation)


def test_a_plain_api_is_asked_through_its_proxy_as_such_proxies_want(redis_url: str) -> None:
    def forward(peer: Peer) -> None:
        request = peer.request() or b""
        if request.startswith(b"CONNECT"):
            return
        port = int(request.split()[1].split(b"/")[2].rpartition(b":")[2])
        with socket.create_connection(("127.0.0.1", port)) as far:
            far.sendall(request)
            carry(far, peer.sock)

    with ScriptedSlack(host=NAME) as slack, Endpoint(forward) as proxy:
        options = through(slack, f"http://user:word@127.0.0.1:{proxy.port}")
        with SlackSide(redis_url, options):
            until(lambda: slack.calls["rtm.connect"])
            asked = [request for request in proxy.requests if request.startswith(f"POST {slack.api_url}".encode())]
            assert b"Proxy-Authorization: Basic " + b64encode(b"user:word") in asked[0]


def test_a_certificate_for_another_name_is_refused(redis_url: str, authority: Authority) -> None:
    with secure(authority, "thief.test") as slack, Endpoint(tunnel) as proxy:
        options = through(slack, f"http://127.0.0.1:{proxy.port}")
        with SlackSide(redis_url, options) as worker:
            until(lambda: (state := worker.state()) and state.error == "unreachable" and "TLS" in state.explanation)
            assert slack.requests == []


def test_an_authority_that_nobody_trusts_is_refused(redis_url: str, tmp_path: Path) -> None:
    with secure(make_authority(tmp_path)) as slack, Endpoint(tunnel) as proxy:
        options = through(slack, f"http://127.0.0.1:{proxy.port}")
        with SlackSide(redis_url, options) as worker:
            until(lambda: (state := worker.state()) and state.error == "unreachable" and "TLS" in state.explanation)
            assert slack.requests == []


def test_a_socket_in_the_clear_is_not_taken_from_a_secure_api(redis_url: str, authority: Authority) -> None:
    with secure(authority) as slack, ScriptedSlack() as thief, Endpoint(tunnel) as proxy:
        slack.answers["rtm.connect"][0] = replace(slack.answers["rtm.connect"][0], body=thief.ticket())
        options = through(slack, f"http://127.0.0.1:{proxy.port}")
        with SlackSide(redis_url, options) as worker:
            until(lambda: (state := worker.state()) and state.error == "unreachable")
            assert thief.sockets == []


def test_tls_is_no_older_than_one_two() -> None:
    assert tls_context().minimum_version >= ssl.TLSVersion.TLSv1_2
    assert tls_context().verify_mode is ssl.CERT_REQUIRED
