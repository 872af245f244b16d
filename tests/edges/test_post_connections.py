"""Connections are kept, found dead, bounded and let go; and every POST ends exactly once, whatever else ends."""

import gc
from collections import Counter

import gevent
import pytest
from gevent.event import Event

from relay.core.outcome import Answered, Failed, Failure, Outcome, Refused
from relay.deliver.post import Poster, PostOptions, Request
from tests.edges.descriptors import descriptors
from tests.edges.endpoints import LOOPBACK, OK, Behave, Endpoint, Peer, answering, post, poster_for
from tests.servers import missing
from tests.waiting import until


def request(endpoint: Endpoint, timeout_s: float = 5.0) -> Request:
    return Request(url=endpoint.url, headers="", body=b"{}", timeout_s=timeout_s)


def mute(peer: Peer) -> None:
    peer.request()
    peer.linger()


def answering_after(release: Event) -> Behave:
    """Reads each request and answers when the test says so."""

    def behave(peer: Peer) -> None:
        while peer.request() is not None:
            release.wait()
            peer.send(OK)

    return behave


def once(then: Behave) -> Behave:
    """Answers the first request of a connection and does `then` with the next."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        then(peer)

    return behave


def test_ten_thousand_posts_leave_nothing_behind(no_descriptor_left: None) -> None:
    """Not a descriptor, not a greenlet, and no more objects than before."""
    with Endpoint(answering()) as endpoint, poster_for() as poster:
        left = 10_000
        seen: Counter[str] = Counter()
        done = Event()

        def again(outcome: Outcome) -> None:
            nonlocal left
            seen[type(outcome).__name__] += 1
            left -= 1
            if left >= 32:
                poster.start(request(endpoint), again)
            elif left == 0:
                done.set()

        def burst() -> None:
            nonlocal left
            for _ in range(32):
                poster.start(request(endpoint), again)
            done.wait()

        burst()
        gc.collect()
        objects = len(gc.get_objects())
        open_now = descriptors()
        endpoint.requests.clear()
        left = 10_000
        done.clear()
        burst()
        endpoint.requests.clear()
        gc.collect()

        assert seen == {"Answered": 20_000}
        assert endpoint.connections <= 33
        assert descriptors() <= open_now
        assert len(gc.get_objects()) < objects + 200
        assert poster.in_flight == 0


def test_a_kept_connection_that_its_endpoint_closed_is_not_used(no_descriptor_left: None) -> None:
    with Endpoint(once(lambda peer: None)) as endpoint, poster_for() as poster:
        for number in range(1, 6):
            assert isinstance(post(poster, endpoint.url), Answered)
            until(lambda: endpoint.open_connections == 0)
            assert len(endpoint.requests) == number


def test_two_paths_of_one_host_share_a_connection() -> None:
    with Endpoint(answering()) as endpoint, poster_for() as poster:
        for path in ("", "/a", "/b?c", ""):
            assert isinstance(post(poster, endpoint.url + path), Answered)

    assert endpoint.connections == 1
    assert [request.split()[1] for request in endpoint.requests] == [b"/hook", b"/hook/a", b"/hook/b?c", b"/hook"]


def test_an_address_of_ipv6_is_posted_to() -> None:
    try:
        endpoint = Endpoint(answering(), address="::1")
    except OSError:
        missing("IPv6")
    with endpoint, poster_for() as poster:
        outcome = post(poster, f"http://[::1]:{endpoint.port}/hook")

    assert isinstance(outcome, Answered)
    assert f"Host: [::1]:{endpoint.port}".encode() in endpoint.requests[0]


def read_and_close(peer: Peer) -> None:
    peer.request()


def read_and_reset(peer: Peer) -> None:
    peer.request()
    peer.reset()


@pytest.mark.parametrize("dying", [read_and_close, read_and_reset])
def test_a_post_on_a_connection_that_dies_is_sent_once_more_and_no_oftener(dying: Behave) -> None:
    """All the other kept ones may be dead too, so the second time goes over a new one."""
    with Endpoint(once(dying)) as endpoint, poster_for() as poster:
        for greenlet in [gevent.spawn(post, poster, endpoint.url) for _ in range(8)]:
            assert isinstance(greenlet.get(), Answered)
        assert endpoint.connections == 8
        endpoint.requests.clear()

        assert isinstance(post(poster, endpoint.url), Answered)

    assert len(endpoint.requests) == 2
    assert poster.resent == 1


def test_a_post_on_a_new_connection_that_dies_is_sent_once() -> None:
    with Endpoint(read_and_close) as endpoint, poster_for() as poster:
        outcome = post(poster, endpoint.url)

    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.RESET
    assert len(endpoint.requests) == 1


def test_connections_are_let_go_when_all_has_been_quiet_for_a_while() -> None:
    options = PostOptions(allowed=LOOPBACK, idle_s=0.2)
    with Endpoint(answering()) as endpoint, poster_for(options) as poster:
        for _ in range(2):
            for greenlet in [gevent.spawn(post, poster, endpoint.url) for _ in range(10)]:
                assert isinstance(greenlet.get(), Answered)
            assert endpoint.open_connections > 0
            until(lambda: endpoint.open_connections == 0, 2, saying="idle connections are closed")


def test_an_idle_connection_is_let_go_while_others_are_busy() -> None:
    options = PostOptions(allowed=LOOPBACK, idle_s=1.0)
    with Endpoint(answering()) as quiet, Endpoint(answering()) as busy, poster_for(options) as poster:
        post(poster, quiet.url)

        def let_go() -> bool:
            post(poster, busy.url)
            return quiet.open_connections == 0

        until(let_go, 4, saying="the quiet one's connection is closed")
        assert busy.connections == 1


def test_idle_connections_make_room_for_others() -> None:
    options = PostOptions(allowed=LOOPBACK, idle_connections=3)
    with poster_for(options) as poster:
        endpoints = [Endpoint(answering()) for _ in range(8)]
        try:
            for endpoint in endpoints:
                endpoint.__enter__()
                assert isinstance(post(poster, endpoint.url, timeout_s=1), Answered)
            until(lambda: sum(endpoint.open_connections for endpoint in endpoints) == 3)
        finally:
            for endpoint in endpoints:
                endpoint.__exit__(None, None, None)


def test_a_greenlet_killed_while_it_waits_costs_the_others_nothing() -> None:
    release = Event()
    with Endpoint(answering_after(release)) as endpoint, poster_for() as poster:
        greenlets = [gevent.spawn(post, poster, endpoint.url) for _ in range(60)]
        until(lambda: len(endpoint.requests) == 60)
        gevent.killall(greenlets[::2])
        release.set()
        survivors = [greenlet.get() for greenlet in greenlets[1::2]]

        assert all(isinstance(outcome, Answered) for outcome in survivors)
        until(lambda: poster.in_flight == 0)


def test_one_who_breaks_on_its_outcome_breaks_nobody_else(capfd: pytest.CaptureFixture[str]) -> None:
    def break_down(outcome: Outcome) -> None:
        raise LookupError("a bug of the caller")

    with Endpoint(answering()) as endpoint, poster_for() as poster:
        for url in (endpoint.url, "http://10.0.0.1/", endpoint.url):
            poster.start(Request(url=url, headers="", body=b"", timeout_s=1), break_down)
        assert isinstance(post(poster, endpoint.url), Answered)

    assert capfd.readouterr().err.count("a bug of the caller") >= 3


def test_one_who_waits_on_its_outcome_is_waited_for_and_nothing_is_lost() -> None:
    with Endpoint(answering()) as endpoint, poster_for() as poster:
        dawdles, goes_on = Event(), Event()

        def dawdle(outcome: Outcome) -> None:
            dawdles.set()
            goes_on.wait()

        poster.start(request(endpoint), dawdle)
        dawdles.wait()
        outcomes = [gevent.spawn(post, poster, endpoint.url) for _ in range(20)]
        until(lambda: poster.in_flight == 20)
        goes_on.set()

        assert all(isinstance(greenlet.get(), Answered) for greenlet in outcomes)


def test_an_outcome_never_comes_before_start_has_returned() -> None:
    with Endpoint(answering()) as gone:
        pass
    with Endpoint(answering()) as endpoint, poster_for() as poster:
        seen: list[Outcome] = []
        for url in (endpoint.url, "http://10.0.0.1/", "nonsense", gone.url):
            poster.start(Request(url=url, headers="", body=b"", timeout_s=1), seen.append)
        assert seen == []
        until(lambda: len(seen) == 4)

        assert Counter(type(outcome) for outcome in seen) == {Answered: 1, Refused: 2, Failed: 1}


def test_closing_waits_for_what_is_in_flight(no_descriptor_left: None) -> None:
    release = Event()
    seen: list[Outcome] = []
    with Endpoint(answering_after(release)) as endpoint:
        poster = Poster(PostOptions(allowed=LOOPBACK))
        for _ in range(10):
            poster.start(request(endpoint), seen.append)
        closing = gevent.spawn(poster.close, 10)
        until(lambda: len(endpoint.requests) == 10)
        assert not closing.ready()
        release.set()
        closing.get()

    assert [type(outcome) for outcome in seen] == [Answered] * 10


def test_closing_ends_the_rest_as_failed_and_each_once(no_descriptor_left: None) -> None:
    seen: list[Outcome] = []
    with Endpoint(mute) as endpoint:
        poster = Poster(PostOptions(allowed=LOOPBACK))
        for _ in range(50):
            poster.start(request(endpoint), seen.append)
        until(lambda: len(endpoint.requests) == 50)
        poster.close(0.05)
        poster.start(request(endpoint), seen.append)
        until(lambda: len(seen) == 51)

    assert {outcome.failure for outcome in seen if isinstance(outcome, Failed)} == {Failure.STOPPED}
    assert poster.in_flight == 0


def test_closing_twice_is_closing_once() -> None:
    poster = Poster(PostOptions())
    poster.close(0)
    poster.close(0)

    assert poster.in_flight == 0
