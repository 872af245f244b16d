"""Endpoints that hang, drip, flood or refuse cost one that is well neither its events nor its turn."""

from collections.abc import Iterator

import pytest

from relay.core.delivery import State
from relay.report import SettledLate
from tests.edges.endpoints import Behave, Endpoint, Peer, dripping
from tests.edges.engine import Engine, running
from tests.receivers import Receiver
from tests.store.filled import webhook
from tests.waiting import until

EVENTS = 200


def mute(peer: Peer) -> None:
    peer.request()
    peer.linger()


def flood(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n")
    while True:
        peer.send(b"x" * 65536)


HARMFUL: dict[str, Behave] = {"mute": mute, "drips": dripping(b"HTTP/1.1 200 OK\r\nX: "), "floods": flood}


@pytest.fixture
def engine(redis_url: str) -> Iterator[Engine]:
    with running(redis_url) as engine:
        yield engine


@pytest.mark.parametrize("manner", [*HARMFUL, "refuses"])
def test_who_is_well_has_everything_before_the_first_of_them_has_timed_out(engine: Engine, manner: str) -> None:
    with Receiver() as well, Endpoint(HARMFUL.get(manner, mute)) as endpoint:
        url = endpoint.url if manner in HARMFUL else "http://127.0.0.1:1/"
        for number in range(4):
            engine.webhooks.add(webhook(f"wh_{number}", url=url, timeout_s=30.0))
        engine.webhooks.add(webhook("wh_well", url=well.url))
        for start in range(0, EVENTS, 20):
            engine.append(*(f"Ev{number}" for number in range(start, start + 20)))
        assert len(well.wait_for(EVENTS)) == EVENTS


def test_a_post_ends_before_its_lease_does(engine: Engine) -> None:
    """Though its webhook, as the worker knows it, would let it go on for longer."""
    with Endpoint(mute) as endpoint:
        engine.webhooks.add(webhook("wh_1", url=endpoint.url, timeout_s=30.0))
        engine.client.redis.hset("relay:{0}:gate:wh_1", "timeout", 50)  # ms: the lease is this and the grace
        engine.append("Ev1")
        until(lambda: engine.ids() and engine.state(engine.ids()[0]) is State.RETRYING)
        assert len(endpoint.requests) == 1
        assert not [fact for fact in engine.facts if isinstance(fact, SettledLate)]
