"""TLS is always verified, against the name in the URL, whatever address that leads to."""

import ssl
from pathlib import Path

import gevent
import pytest

from relay.core.outcome import Answered, Failed, Failure
from relay.deliver.post import PostOptions
from tests.edges.certificates import DAY, Authority, make_authority
from tests.edges.endpoints import LOOPBACK, OK, Endpoint, Peer, answering, post, poster_for

HOST = "hooks.example.com"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(Path(tmp_path_factory.mktemp("authority")))


@pytest.fixture
def trusting(authority: Authority) -> PostOptions:
    return PostOptions(allowed=LOOPBACK, ca_file=authority.ca_file, resolve=lambda host, port: ["127.0.0.1"])


def test_a_good_certificate_is_answered_on_a_connection_that_is_kept(
    authority: Authority, trusting: PostOptions
) -> None:
    with Endpoint(answering(), tls=authority.serving(HOST)) as endpoint, poster_for(trusting) as poster:
        first, second = (post(poster, f"https://{HOST}:{endpoint.port}/") for _ in range(2))

    assert isinstance(first, Answered)
    assert isinstance(second, Answered)
    assert 0 < first.timing.connect_s < first.timing.tls_s < first.timing.first_byte_s
    assert second.timing.tls_s == 0
    assert endpoint.connections == 1


def test_the_name_is_sent_and_not_the_address(authority: Authority, trusting: PostOptions) -> None:
    asked: list[str | None] = []
    context = authority.serving(HOST)
    context.sni_callback = lambda sock, name, context: asked.append(name)
    with Endpoint(answering(), tls=context) as endpoint, poster_for(trusting) as poster:
        post(poster, f"https://{HOST}.:{endpoint.port}/")

    assert asked == [HOST]


def test_a_bad_certificate_fails_and_nothing_is_sent(authority: Authority, trusting: PostOptions) -> None:
    bad = {
        "for another name": authority.serving("other.example.com"),
        "out of date": authority.serving(HOST, until=-DAY),
        "signed by itself": authority.serving(HOST, signed=False),
    }
    for context in bad.values():
        with Endpoint(answering(), tls=context) as endpoint, poster_for(trusting) as poster:
            outcome = post(poster, f"https://{HOST}:{endpoint.port}/")

        assert isinstance(outcome, Failed)
        assert outcome.failure is Failure.TLS
        assert outcome.detail
        assert endpoint.requests == []


def test_an_authority_of_our_own_is_not_trusted_by_itself(authority: Authority) -> None:
    options = PostOptions(allowed=LOOPBACK, resolve=lambda host, port: ["127.0.0.1"])
    with Endpoint(answering(), tls=authority.serving(HOST)) as endpoint, poster_for(options) as poster:
        outcome = post(poster, f"https://{HOST}:{endpoint.port}/")

    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.TLS


def test_old_tls_is_not_spoken(authority: Authority, trusting: PostOptions) -> None:
    context = authority.serving(HOST)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with Endpoint(answering(), tls=context) as endpoint, poster_for(trusting) as poster:
        outcome = post(poster, f"https://{HOST}:{endpoint.port}/")

    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.TLS


def test_plain_http_where_tls_should_be_fails(trusting: PostOptions) -> None:
    def plain(peer: Peer) -> None:
        peer.sock.recv(100)
        peer.send(OK)

    with Endpoint(plain) as endpoint, poster_for(trusting) as poster:
        outcome = post(poster, f"https://{HOST}:{endpoint.port}/")

    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.TLS


def test_a_handshake_that_never_ends_is_cut_when_the_time_is_up(trusting: PostOptions) -> None:
    with Endpoint(lambda peer: peer.linger()) as endpoint, poster_for(trusting) as poster, gevent.Timeout(10):
        outcome = post(poster, f"https://{HOST}:{endpoint.port}/", timeout_s=0.3)

    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.TIMEOUT


def test_the_same_address_under_another_name_needs_its_own_certificate(
    authority: Authority, trusting: PostOptions
) -> None:
    with Endpoint(answering(), tls=authority.serving(HOST)) as endpoint, poster_for(trusting) as poster:
        good = post(poster, f"https://{HOST}:{endpoint.port}/")
        bad = post(poster, f"https://other.example.com:{endpoint.port}/")

    assert isinstance(good, Answered)
    assert isinstance(bad, Failed)
    assert bad.failure is Failure.TLS
