"""Endpoints that mean harm: each costs at most its time, and nobody else anything."""

import resource
from collections.abc import Iterator

import gevent
import pytest

from relay.core.outcome import EXCERPT_BYTES, Answered, Failed, Failure
from relay.deliver.post import PostOptions
from tests.edges.endpoints import LOOPBACK, Behave, Endpoint, Peer, answering, dripping, post, poster_for
from tests.waiting import until

TIMEOUT_S = 0.3
LATE_S = 10.0
"""Until then it is a busy machine; after it, a hold-up."""


def silent(peer: Peer) -> None:
    peer.linger()


def mute(peer: Peer) -> None:
    peer.request()
    peer.linger()


def endless(start: bytes, more: bytes) -> Behave:
    """Reads the request, says `start`, and then `more` without end."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(start)
        while True:
            peer.send(more)

    return behave


HOLDING = {
    "never reads": silent,
    "never answers": mute,
    "drips a status line": dripping(b"HTTP/1.1 200 "),
    "drips a header": dripping(b"HTTP/1.1 200 OK\r\nX: "),
    "drips a body": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
    "drips interim answers": dripping(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 "),
}

FLOODING = {
    "headers": endless(b"HTTP/1.1 200 OK\r\n", b"X-Flood: 0123456789\r\n" * 1000),
    "one header": endless(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 10_000),
    "interim answers": endless(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 1000),
    "100 Continue": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
}

LONG = {
    "10 GB": endless(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n", b"x" * 65536),
    "chunks": endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 1000),
    "until the end, which never comes": endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 1000),
}


@pytest.fixture
def flat_memory() -> Iterator[None]:
    """The process's largest size grows by less than this much."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16_000  # KiB


@pytest.mark.parametrize("behave", HOLDING.values(), ids=HOLDING.keys())
@pytest.mark.parametrize("size", [2, 20_000_000])
def test_who_holds_on_is_cut_when_the_time_is_up(behave: Behave, size: int) -> None:
    with Endpoint(behave) as endpoint, poster_for() as poster, gevent.Timeout(LATE_S):
        outcome = post(poster, endpoint.url, timeout_s=TIMEOUT_S, body=b"x" * size)

    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.TIMEOUT


def test_a_drip_after_the_excerpt_is_full_is_an_answer() -> None:
    start = b"HTTP/1.1 202 OK\r\nContent-Length: 100000\r\n\r\n" + b"y" * (EXCERPT_BYTES + 1)
    with Endpoint(dripping(start)) as endpoint, poster_for() as poster:
        outcome = post(poster, endpoint.url, timeout_s=TIMEOUT_S)

    assert isinstance(outcome, Answered)
    assert (outcome.status, outcome.excerpt) == (202, b"y" * EXCERPT_BYTES)


@pytest.mark.parametrize("behave", FLOODING.values(), ids=FLOODING.keys())
def test_a_flood_before_the_body_is_too_large(behave: Behave, flat_memory: None) -> None:
    with Endpoint(behave) as endpoint, poster_for() as poster:
        outcome = post(poster, endpoint.url)

    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.TOO_LARGE


@pytest.mark.parametrize("behave", LONG.values(), ids=LONG.keys())
def test_a_body_without_end_costs_nothing(behave: Behave, flat_memory: None) -> None:
    with Endpoint(behave) as endpoint, poster_for() as poster:
        outcomes = [post(poster, endpoint.url) for _ in range(20)]

    assert {outcome.status for outcome in outcomes if isinstance(outcome, Answered)} == {200}
    assert all(isinstance(outcome, Answered) and len(outcome.excerpt) == EXCERPT_BYTES for outcome in outcomes)


def test_a_thousand_posts_that_hang_hold_up_no_others() -> None:
    options = PostOptions(allowed=LOOPBACK, idle_connections=2000)
    with Endpoint(mute) as hung, Endpoint(answering()) as fine, poster_for(options) as poster:
        hanging = [gevent.spawn(post, poster, hung.url, timeout_s=1.5) for _ in range(1000)]
        until(lambda: poster.in_flight == len(hanging), saying="all of them have begun")
        others = 0
        while not all(greenlet.ready() for greenlet in hanging):
            assert isinstance(post(poster, fine.url, timeout_s=1), Answered)
            others += 1
        outcomes = [greenlet.get() for greenlet in hanging]

    assert all(isinstance(outcome, Failed) and outcome.failure is Failure.TIMEOUT for outcome in outcomes)
    assert others > 20
