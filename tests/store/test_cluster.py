"""A Redis Cluster behind the face of one server."""

from collections.abc import Iterator
from typing import Self

import pytest

from relay.core.ids import EventId
from relay.store.client import Client, StoreOptions
from relay.store.cluster import slot_of
from relay.store.errors import StoreAway
from relay.store.journal import Journal
from relay.store.keys import Keys
from tests.constellations import HOST, Cluster, Node
from tests.store.filled import envelope
from tests.waiting import until


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def client(cluster: Cluster) -> Iterator[Client]:
    client = Client(StoreOptions(url=cluster.url))
    yield client
    client.close()


def test_each_key_is_kept_where_its_tag_belongs(cluster: Cluster, client: Client) -> None:
    names = [Keys(tag)("place") for tag in range(16)]
    for name in names:
        client.redis.set(name, name)
    assert [client.redis.get(name) for name in names] == [name.encode() for name in names]
    for name in names:
        assert cluster.node_of(name).client.get(name) == name.encode()
    assert len({cluster.node_of(name).port for name in names}) == 3


def test_a_pipeline_goes_to_one_master(client: Client) -> None:
    keys = Keys(3)
    for transaction in (False, True):
        pipeline = client.redis.pipeline(transaction=transaction)
        pipeline.set(keys("a"), 1)
        pipeline.get(keys("a"))
        assert pipeline.execute() == [True, b"1"]
    pipeline = client.redis.pipeline()
    pipeline.set(keys("a"), 1)
    pipeline.get(Keys(4)("a"))
    with pytest.raises(ValueError, match="share a hash tag"):
        pipeline.execute()


def test_a_master_that_steps_down_is_followed_without_a_fault(cluster: Cluster, client: Client) -> None:
    name = Keys(0)("before")
    client.redis.set(name, 1)
    master = cluster.node_of(name)
    replica = replica_of(cluster, master)
    replica.client.execute_command("CLUSTER", "FAILOVER")
    until(lambda: replica.client.info("replication")["role"] == "master", saying="it took over")
    assert client.redis.get(name) == b"1"
    until(lambda: cluster.node_of(name) is replica, saying="all have heard")


def test_a_shard_waits_while_its_slot_is_moved_and_loses_nothing(cluster: Cluster, client: Client) -> None:
    journal = Journal(client, shard=7)
    journal.append([envelope(f"Ev{number}") for number in range(50)])
    source = cluster.node_of(Keys(7)("journal"))
    target = next(cluster.node_of(Keys(tag)("journal")) for tag in range(16) if other(cluster, tag, source))
    with Move(source, target, slot=slot_of([Keys(7)("journal")]) or 0) as move:
        with pytest.raises(StoreAway, match="being moved"):
            journal.append([envelope("Ev50")])
        move.some(10)
        with pytest.raises(StoreAway, match="being moved"):
            journal.append([envelope("Ev50")])
    assert journal.append([envelope("Ev49"), envelope("Ev50")]) == [False, True]
    assert len(journal.newest("+", 100)) == 51
    assert len([one for one in journal.events.stored([EventId(f"Ev{number}") for number in range(51)]) if one]) == 51


def test_a_slot_of_nobody_is_a_redis_that_is_away(cluster: Cluster, client: Client) -> None:
    name = Keys(5)("place")
    client.redis.set(name, 1)
    node, slot = cluster.node_of(name), slot_of([name]) or 0
    node.client.execute_command("CLUSTER", "DELSLOTS", slot)
    try:
        with pytest.raises(StoreAway):
            client.block("BLPOP", Keys(5)("bell"), 0.1)
    finally:
        node.client.execute_command("CLUSTER", "ADDSLOTS", slot)
    until(lambda: b"cluster_state:ok" in (node.client.execute_command("CLUSTER", "INFO") or b""))
    assert client.redis.get(name) == b"1"


class Move:
    """A slot on its way: marked on both sides, and done at the end of the block."""

    def __init__(self, source: Node, target: Node, *, slot: int) -> None:
        self._source, self._target, self._slot = source, target, slot

    def __enter__(self) -> Self:
        source, target = self._source.client, self._target.client
        target.execute_command("CLUSTER", "SETSLOT", self._slot, "IMPORTING", my_id(self._source))
        source.execute_command("CLUSTER", "SETSLOT", self._slot, "MIGRATING", my_id(self._target))
        return self

    def some(self, count: int) -> int:
        """Move so many keys; answers with how many there were to move."""
        keys = self._source.client.execute_command("CLUSTER", "GETKEYSINSLOT", self._slot, count)
        if keys:
            self._source.client.execute_command("MIGRATE", HOST, self._target.port, "", 0, 2000, "KEYS", *keys)
        return len(keys)

    def __exit__(self, *_: object) -> None:
        while self.some(100):
            pass
        for node in (self._target, self._source):
            node.client.execute_command("CLUSTER", "SETSLOT", self._slot, "NODE", my_id(self._target))


def my_id(node: Node) -> object:
    return node.client.execute_command("CLUSTER", "MYID")


def other(cluster: Cluster, tag: int, node: Node) -> bool:
    return cluster.node_of(Keys(tag)("journal")) is not node


def replica_of(cluster: Cluster, master: Node) -> Node:
    def follows(node: Node) -> bool:
        seen: dict[str, object] = node.client.info("replication")
        return seen["role"] == "slave" and seen["master_port"] == master.port

    return next(node for node in cluster.nodes if follows(node))
