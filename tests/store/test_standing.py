"""Gaps are decided from all sockets of a connection; who is there, from beats; rtm.connect's budget is one for all."""

import time
from collections.abc import Iterator

import pytest

from relay.core.connection import Connection, ConnectionState, ConnectionStatus, Kind
from relay.core.ids import ConnectionId
from relay.store.client import Client, StoreOptions
from relay.store.connection_states import ConnectionStates, Standing, Turn, Word
from relay.store.connections import Connections
from relay.store.notices import Notices
from relay.store.turns import BURST, Turns
from relay.store.vault import Vault
from relay.store.workers import Workers

ONE = ConnectionId("con_1")
UP = ConnectionState(status=ConnectionStatus.CONNECTED, since=1.0)
DOWN = ConnectionState(status=ConnectionStatus.RECONNECTING, since=1.0, error="closed")
NOTHING = Turn(word=Word.NOTHING, since=0.0, gap_s=0.0)


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    client = Client(StoreOptions(url=redis_url))
    Connections(client, Vault()).add(Connection(id=ONE, kind=Kind.RTM, token="xoxb"))
    yield client
    client.close()


def beating(client: Client) -> Workers:
    workers = Workers(client)
    workers.beat()
    return workers


def hears(at: float, *, replaced: bool = False) -> Standing:
    return Standing(view=UP, hears=True, at=at, replaced=replaced)


def deaf(at: float) -> Standing:
    return Standing(view=DOWN, hears=False, at=at)


def test_a_gap_is_from_the_last_sign_of_life_to_the_next_socket(client: Client) -> None:
    states, one = ConnectionStates(client), beating(client).me
    assert states.say(ONE, one, hears(100.0)) == NOTHING
    assert states.say(ONE, one, deaf(110.0)) == Turn(word=Word.DEAF, since=110.0, gap_s=0.0)
    assert states.say(ONE, one, deaf(110.0)) == NOTHING
    back = states.say(ONE, one, hears(112.5, replaced=True))
    assert back == Turn(word=Word.BACK, since=110.0, gap_s=2.5)
    state = states.get(ONE)
    assert state is not None
    assert (state.status, state.offline_s, state.reconnects) == ("connected", 2.5, 1)


def test_while_another_worker_hears_there_is_no_gap(client: Client) -> None:
    states, one, two = ConnectionStates(client), beating(client).me, beating(client).me
    states.say(ONE, one, hears(100.0))
    states.say(ONE, two, hears(101.0))
    assert states.say(ONE, one, deaf(110.0)) == NOTHING
    assert states.heard_by([ONE]) == {ONE: {two}}
    assert states.say(ONE, two, deaf(120.0)).word is Word.DEAF
    assert states.say(ONE, one, hears(125.0)) == Turn(word=Word.BACK, since=120.0, gap_s=5.0)
    assert states.say(ONE, two, hears(126.0)) == NOTHING


def test_a_worker_that_died_heard_until_its_last_beat(client: Client) -> None:
    states, dead, one = ConnectionStates(client), beating(client).me, beating(client).me
    states.say(ONE, dead, hears(time.time() - 100))
    died_at = time.time() - 60
    client.redis.zadd("relay:{g}:workers", {dead: died_at * 1000})
    assert states.get(ONE) is None
    now = time.time()
    turn = states.say(ONE, one, hears(now))
    assert turn.word is Word.LATE
    assert turn.gap_s == pytest.approx(60, abs=1)
    assert turn.since == pytest.approx(died_at, abs=0.01)


def test_a_pause_is_no_gap(client: Client) -> None:
    states, one = ConnectionStates(client), beating(client).me
    states.say(ONE, one, hears(100.0))
    stopped = ConnectionState(status=ConnectionStatus.STOPPED, since=110.0)
    assert states.say(ONE, one, Standing(view=stopped, hears=False, at=110.0, paused=True)) == NOTHING
    state = states.get(ONE)
    assert state is not None
    assert state.status is ConnectionStatus.STOPPED
    assert states.say(ONE, one, hears(500.0)) == NOTHING


def test_a_worker_that_leaves_takes_its_word_with_it(client: Client) -> None:
    states, one = ConnectionStates(client), beating(client).me
    states.say(ONE, one, hears(100.0))
    assert states.say(ONE, one, Standing(view=None, hears=False, at=110.0)).word is Word.DEAF
    assert states.get(ONE) is None


def test_who_beats_is_there_and_who_leaves_is_not(client: Client) -> None:
    one, two = Workers(client), Workers(client)
    assert one.beat() == {one.me}
    assert two.beat() == {one.me, two.me}
    assert one.leave() == {two.me}
    assert two.beat() == {two.me}
    assert one.beat() == {one.me, two.me}
    one.gone()
    assert two.beat() == {two.me}


def test_who_has_not_beaten_for_long_is_dead(client: Client) -> None:
    one, two = beating(client), beating(client)
    client.redis.zadd("relay:{g}:workers", {one.me: (time.time() - 60) * 1000})
    assert two.beat() == {two.me}


def test_who_hands_over_still_hears(client: Client) -> None:
    states, one, two = ConnectionStates(client), beating(client), beating(client)
    states.say(ONE, one.me, hears(100.0))
    one.leave()
    assert states.say(ONE, two.me, deaf(101.0)) == NOTHING
    assert states.heard_by([ONE]) == {ONE: {one.me}}
    assert states.say(ONE, two.me, hears(102.0)) == NOTHING
    assert states.say(ONE, one.me, Standing(view=None, hears=False, at=103.0)) == NOTHING
    one.gone()
    assert states.heard_by([ONE]) == {ONE: {two.me}}


def test_who_comes_or_goes_is_noticed_by_the_others(client: Client) -> None:
    notices = Notices(client)
    one = beating(client)
    start = notices.position()
    one.beat()
    assert notices.position() == start
    one.leave()
    assert notices.wait(start).crew


def test_the_budget_is_one_for_all_who_use_the_token(client: Client) -> None:
    one, two = Turns(client), Turns(client)
    for place in range(BURST):
        assert (one, two)[place % 2].take("xoxb-1") == 0
    assert 55 < one.take("xoxb-1") <= 60
    assert 55 < two.take("xoxb-1") <= 60
    assert two.take("xoxb-2") == 0
    assert not [key for key in client.redis.keys("*") if b"xoxb" in key]


def test_a_call_that_did_not_reach_slack_costs_no_turn(client: Client) -> None:
    turns = Turns(client)
    for _ in range(3 * BURST):
        assert turns.take("xoxb-1") == 0
        turns.give_back("xoxb-1")


def test_a_limit_that_slack_told_one_holds_for_all(client: Client) -> None:
    one, two = Turns(client), Turns(client)
    assert one.take("xoxb-1") == 0
    one.limited("xoxb-1", 42.0)
    assert 41 < two.take("xoxb-1") <= 42
