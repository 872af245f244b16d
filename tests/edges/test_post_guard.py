"""The guard at the moment of connecting: what was vetted is what is connected to, and nothing else ever."""

from collections.abc import Callable
from dataclasses import replace

import gevent
import pytest
from gevent.monkey import get_original

from relay.core.address import read_networks
from relay.core.outcome import Answered, Failed, Failure, Refused
from relay.deliver.post import PostOptions
from relay.deliver.resolve import THREADS
from tests.edges.endpoints import Endpoint, answering, post, poster_for
from tests.waiting import until

Answers = Callable[[str, int], list[str]]


def naming(*addresses: str) -> Answers:
    """A DNS in which every name has these addresses."""
    return lambda host, port: list(addresses)


def options(resolve: Answers, *, allowed: str = "127.0.0.1/32") -> PostOptions:
    return PostOptions(allowed=read_networks(allowed), resolve=resolve)


def test_a_loopback_address_is_refused_unless_allowed() -> None:
    with Endpoint(answering()) as endpoint, poster_for(PostOptions()) as poster:
        outcome = post(poster, endpoint.url)

        assert isinstance(outcome, Refused)
        assert "loopback" in outcome.rule
        assert endpoint.connections == 0


@pytest.mark.parametrize(
    "url", ["http://0x7f.1:{port}/", "http://2130706433:{port}/", "http://[::ffff:127.0.0.1]:{port}/"]
)
def test_odd_spellings_are_refused_even_where_the_address_is_allowed(url: str) -> None:
    with Endpoint(answering()) as endpoint, poster_for() as poster:
        assert isinstance(post(poster, url.format(port=endpoint.port)), Refused)
        assert endpoint.connections == 0


def test_a_name_that_leads_inside_is_refused() -> None:
    with Endpoint(answering()) as endpoint, poster_for(PostOptions(resolve=naming("127.0.0.1"))) as poster:
        outcome = post(poster, f"http://hooks.example.com:{endpoint.port}/")

        assert isinstance(outcome, Refused)
        assert "hooks.example.com leads to 127.0.0.1" in outcome.rule
        assert endpoint.connections == 0


@pytest.mark.parametrize(
    "answers", [("127.0.0.1", "10.0.0.1"), ("10.0.0.1", "127.0.0.1"), ("127.0.0.1", "::ffff:127.0.0.1")]
)
def test_a_name_with_one_forbidden_address_among_allowed_ones_is_refused(answers: tuple[str, ...]) -> None:
    with Endpoint(answering()) as endpoint, poster_for(options(naming(*answers))) as poster:
        assert isinstance(post(poster, f"http://hooks.example.com:{endpoint.port}/"), Refused)
        assert endpoint.connections == 0


def test_host_stays_the_name_while_the_vetted_address_is_connected_to() -> None:
    with Endpoint(answering()) as endpoint, poster_for(options(naming("127.0.0.1"))) as poster:
        answer = post(poster, f"http://hooks.example.com:{endpoint.port}/path")

    assert isinstance(answer, Answered)
    assert f"Host: hooks.example.com:{endpoint.port}".encode() in endpoint.requests[0]
    assert answer.timing.dns_s > 0


def test_a_name_is_asked_for_once_and_not_again_when_connecting() -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        """Good when it is vetted, and bad if anybody should ask again."""
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    with Endpoint(answering()) as endpoint, poster_for(options(rebinding)) as poster:
        outcomes = [post(poster, f"http://rebind.example.com:{endpoint.port}/") for _ in range(3)]

    assert all(isinstance(outcome, Answered) for outcome in outcomes)
    assert asked == ["rebind.example.com"]


def test_a_kept_connection_is_not_used_for_a_new_address_of_its_name() -> None:
    """A name that has moved is posted to where it is now, on a connection of its own."""
    addresses = ["127.0.0.1"]
    moving = replace(options(lambda host, port: list(addresses), allowed="127.0.0.0/8"), fresh_s=0.0)
    with (
        Endpoint(answering(), address="127.0.0.1") as before,
        Endpoint(answering(), address="127.0.0.2", port=before.port) as after,
        poster_for(moving) as poster,
    ):
        for addresses[0] in ("127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.1"):
            post(poster, f"http://moving.example.com:{before.port}/")

    assert (len(before.requests), len(after.requests)) == (3, 1)
    assert (before.connections, after.connections) == (1, 1)


def test_a_name_that_turns_inside_is_refused_though_a_connection_to_it_is_kept() -> None:
    addresses = ["127.0.0.1"]
    with (
        Endpoint(answering()) as endpoint,
        poster_for(replace(options(lambda host, port: list(addresses)), fresh_s=0.0)) as poster,
    ):
        url = f"http://turning.example.com:{endpoint.port}/"
        assert isinstance(post(poster, url), Answered)
        addresses.append("10.0.0.1")

        assert isinstance(post(poster, url), Refused)


def test_two_names_at_one_address_do_not_share_a_connection() -> None:
    with Endpoint(answering()) as endpoint, poster_for(options(naming("127.0.0.1"))) as poster:
        for name in ("a.example.com", "b.example.com", "a.example.com", "b.example.com"):
            post(poster, f"http://{name}:{endpoint.port}/")

    assert endpoint.connections == 2
    assert [request.split(b"\r\n")[1][6:7] for request in endpoint.requests] == [b"a", b"b", b"a", b"b"]


def test_the_next_address_is_tried_where_the_first_does_not_let_us_connect() -> None:
    dead_first = options(naming("127.0.0.1", "::1", "127.0.0.3"), allowed="127.0.0.0/8")
    with Endpoint(answering(), address="127.0.0.3") as endpoint, poster_for(dead_first) as poster:
        outcomes = [post(poster, f"http://hooks.example.com:{endpoint.port}/") for _ in range(3)]

    assert all(isinstance(outcome, Answered) for outcome in outcomes)
    assert (len(endpoint.requests), endpoint.connections) == (3, 1)


def test_but_nothing_is_sent_twice_because_an_answer_does_not_come() -> None:
    with (
        Endpoint(lambda peer: peer.linger(), address="127.0.0.3") as deaf,
        Endpoint(answering(), address="127.0.0.4", port=deaf.port) as other,
        poster_for(options(naming("127.0.0.3", "127.0.0.4"), allowed="127.0.0.0/8")) as poster,
    ):
        outcome = post(poster, f"http://hooks.example.com:{deaf.port}/", timeout_s=0.3)

    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.TIMEOUT
    assert other.connections == 0


def test_a_name_without_addresses_is_a_failure_of_dns() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    for resolve in (unknown, naming()):
        with poster_for(PostOptions(resolve=resolve)) as poster:
            outcome = post(poster, "https://nowhere.example.com/")

        assert isinstance(outcome, Failed)
        assert outcome.failure is Failure.DNS
        assert "nowhere.example.com" in outcome.detail


def test_the_system_s_own_resolver_knows_localhost_and_not_the_rest() -> None:
    with Endpoint(answering()) as endpoint, poster_for() as poster:
        known = post(poster, f"http://localhost:{endpoint.port}/")
        unknown = post(poster, "https://nowhere.invalid/")

    assert isinstance(known, Answered)
    assert isinstance(unknown, Failed)
    assert unknown.failure is Failure.DNS


class HungDns:
    """A DNS that does not answer before it is let go; names with "quick" in them it knows at once."""

    def __init__(self) -> None:
        self._gate = get_original("_thread", "allocate_lock")()  # gevent's locks are for greenlets
        self._gate.acquire()
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[str]:
        if "quick" in host:
            return ["127.0.0.1"]
        self.asked.append(host)
        if self._gate.acquire(timeout=10):
            self._gate.release()
        return ["127.0.0.1"]

    def let_go(self) -> None:
        self._gate.release()


def test_a_dns_that_hangs_costs_a_post_its_time_and_others_nothing() -> None:
    dns = HungDns()
    with Endpoint(answering()) as endpoint, poster_for(options(dns)) as poster:
        hanging = [
            gevent.spawn(post, poster, f"http://slow-{number % 3}.example.com:{endpoint.port}/", timeout_s=0.3)
            for number in range(30)
        ]
        until(lambda: len(dns.asked) == 3)
        quick = post(poster, f"http://quick.example.com:{endpoint.port}/", timeout_s=0.3)
        outcomes = [greenlet.get(timeout=1) for greenlet in hanging]
        dns.let_go()

    assert isinstance(quick, Answered)
    assert all(isinstance(outcome, Failed) and outcome.failure is Failure.DNS for outcome in outcomes)
    assert sorted(dns.asked) == ["slow-0.example.com", "slow-1.example.com", "slow-2.example.com"]


def test_more_hung_names_than_threads_block_nobody_s_greenlet() -> None:
    dns = HungDns()
    with poster_for(options(dns)) as poster:
        hanging = [
            gevent.spawn(post, poster, f"http://slow-{number}.example.com/", timeout_s=0.2)
            for number in range(THREADS * 2)
        ]
        outcomes = [greenlet.get(timeout=1) for greenlet in hanging]
        asked = len(dns.asked)
        dns.let_go()

    assert all(isinstance(outcome, Failed) and outcome.failure is Failure.DNS for outcome in outcomes)
    assert asked == THREADS


def test_a_resolver_that_breaks_is_a_failure_of_dns() -> None:
    def broken(host: str, port: int) -> list[str]:
        raise LookupError("a bug")

    with poster_for(PostOptions(resolve=broken)) as poster:
        outcome = post(poster, "https://hooks.example.com/")

    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.DNS


def test_the_dns_is_asked_in_another_thread() -> None:
    here = get_original("_thread", "get_ident")()
    threads: list[int] = []

    def note(host: str, port: int) -> list[str]:
        threads.append(get_original("_thread", "get_ident")())
        return ["127.0.0.1"]

    with Endpoint(answering()) as endpoint, poster_for(options(note)) as poster:
        post(poster, f"http://hooks.example.com:{endpoint.port}/")

    assert threads
    assert here not in threads


def test_vetting_alone_asks_the_same_guard() -> None:
    with poster_for(options(naming("127.0.0.1"))) as poster:
        assert poster.vet("http://hooks.example.com/") is None
        assert poster.vet("http://127.0.0.1/") is None
        assert isinstance(poster.vet("http://10.0.0.1/"), Refused)
        assert isinstance(poster.vet("http://127.1/"), Refused)
    with poster_for(PostOptions(resolve=naming("93.184.215.14", "10.0.0.1"))) as poster:
        assert isinstance(poster.vet("https://hooks.example.com/"), Refused)


def test_vetting_lets_a_name_pass_that_nobody_knows_yet() -> None:
    with poster_for(PostOptions(resolve=naming())) as poster:
        assert poster.vet("https://soon.example.com/") is None
