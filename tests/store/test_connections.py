"""Connections in Redis: records, states, and what wakes the workers."""

from collections.abc import Iterator
from dataclasses import replace

import gevent
import pytest

from relay.core.connection import Connection, ConnectionState, ConnectionStatus, Kind
from relay.core.ids import ConnectionId
from relay.store.client import Client, StoreOptions
from relay.store.connection_states import ConnectionStates, Standing
from relay.store.connections import Connections
from relay.store.errors import Conflict, NotFound
from relay.store.notices import Notices
from relay.store.vault import Vault
from relay.store.workers import Workers

ONE = ConnectionId("con_1")
CONNECTION = Connection(
    id=ONE, kind=Kind.RTM, token="xoxb-secret", name="one", presence_sub=("U1", "U2"), created_at=5.0
)
STATE = ConnectionState(status=ConnectionStatus.CONNECTED, since=7.5, team="T1")


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    client = Client(StoreOptions(url=redis_url))
    yield client
    client.close()


@pytest.fixture
def connections(client: Client) -> Connections:
    return Connections(client, Vault(("a key",)))


def test_what_was_added_is_there_with_a_version(connections: Connections) -> None:
    added = connections.add(CONNECTION)
    assert added == replace(CONNECTION, version=1)
    assert connections.get(ONE) == added
    assert connections.get(ConnectionId("con_2")) is None


def test_an_id_is_given_once(connections: Connections) -> None:
    connections.add(CONNECTION)
    with pytest.raises(Conflict):
        connections.add(CONNECTION)


def test_of_two_changes_to_one_record_the_second_is_told(connections: Connections) -> None:
    added = connections.add(CONNECTION)
    changed = connections.change(replace(added, paused=True))
    assert (changed.version, changed.paused) == (2, True)
    with pytest.raises(Conflict):
        connections.change(replace(added, name="other"))
    assert connections.get(ONE) == changed


def test_tokens_are_sealed_in_redis(connections: Connections, client: Client) -> None:
    connections.add(CONNECTION)
    both = replace(CONNECTION, id=ConnectionId("con_2"), kind=Kind.SOCKET_MODE, token="xapp-1", bot_token="xoxb-2")
    assert connections.get(connections.add(both).id) == replace(both, version=1)
    kept = repr(client.redis.hvals("relay:{g}:connections"))
    assert "xoxb" not in kept
    assert "xapp" not in kept


def test_pages_come_in_the_order_of_making(connections: Connections) -> None:
    ids = [ConnectionId(f"con_{name}") for name in "zyxwv"]
    for place, id in enumerate(ids):
        connections.add(replace(CONNECTION, id=id, created_at=float(place)))
    first = connections.page(None, 2)
    rest = connections.page(first[-1].id, 10)
    assert [connection.id for connection in first + rest] == ids
    assert connections.page(ids[-1], 10) == []


def test_what_is_removed_is_gone_with_its_state(connections: Connections, client: Client) -> None:
    states, workers = ConnectionStates(client), Workers(client)
    workers.beat()
    connections.add(CONNECTION)
    says = Standing(view=STATE, hears=True, at=7.5)
    states.say(ONE, workers.me, says)
    assert states.get(ONE) is not None
    connections.remove(ONE)
    states.say(ONE, workers.me, says)  # by a worker that has not heard of it yet
    assert states.get(ONE) is None
    with pytest.raises(NotFound):
        connections.remove(ONE)


def test_the_environment_s_connection_is_made_once_and_keeps_what_its_owner_changed(connections: Connections) -> None:
    made = connections.ensure(CONNECTION)
    assert connections.ensure(CONNECTION) == made
    paused = connections.change(replace(made, paused=True))
    assert connections.ensure(CONNECTION) == paused
    renewed = connections.ensure(replace(CONNECTION, token="xoxb-new"))
    assert (renewed.token, renewed.paused) == ("xoxb-new", True)


def test_many_processes_may_make_it_at_once(connections: Connections) -> None:
    made = [gevent.spawn(connections.ensure, CONNECTION) for _ in range(8)]
    assert {each.get().version for each in made} == {1}


def test_every_change_wakes_who_waits_for_it(connections: Connections, client: Client) -> None:
    notices = Notices(client)
    start = notices.position()
    waiting = gevent.spawn(notices.wait, start)
    added = connections.add(CONNECTION)
    woken = waiting.get(timeout=5)
    assert (set(woken.changed), set(woken.renew)) == ({ONE}, set())
    connections.change(replace(added, name="two"))
    notices.ask_renewal(ONE)
    connections.remove(ONE)
    woken = notices.wait(woken.position)
    assert (set(woken.changed), set(woken.renew)) == ({ONE}, {ONE})
    assert notices.position() == woken.position
