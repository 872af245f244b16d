"""A Redis Cluster behind the face of one server.

Every call of the store touches keys of one hash tag, and so of one slot (store/keys.py). What is left of a cluster's
client is to know which master has a slot: asked once (CLUSTER SLOTS), corrected by what masters say (MOVED), and asked
anew after a failure, of whichever node answers. A command goes out a second time only after an answer which says that
it was not done. A slot that is on its way from one master to another (ASK) has half of its keys here and half there:
its shard waits until it has arrived, because a script would find the other half missing. docs/decisions/cluster.md
argues why this is not redis-py's own cluster client.
"""

import random
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TypeVar

from msgspec import Struct
from redis import Redis, exceptions
from redis.client import Pipeline
from redis.crc import key_slot

from relay.store.keys import ROOT
from relay.store.location import Address
from relay.store.reply import integer, maybe_text, rows

TAGGED = f"{ROOT}:{{"
"""How every key begins. No other argument does: what begins like this first is the command's key."""

REDIRECTIONS = 5
"""A moved slot redirects once, or twice while several are moved; more is a cluster that does not agree with itself."""

MakeClient = Callable[[Address], Redis]
Answer = TypeVar("Answer")


class Range(Struct, frozen=True):
    """Slots, both ends included, and the nodes that have them: the master, then its replicas."""

    first: int
    last: int
    nodes: tuple[Address, ...]


class Slots:
    """Who has which slot, as far as we have heard; one for all clients of a process."""

    def __init__(self, seeds: Sequence[Address], make_client: MakeClient) -> None:
        self._seeds = tuple(seeds)
        self._make_client = make_client
        self._known: set[Address] = set(seeds)
        self._ranges: tuple[Range, ...] = ()  # (): to be asked for
        self._suspect: Address | None = None  # failed last: it is asked last
        self._asking = Lock()

    def __repr__(self) -> str:
        return f"<Slots in {len(self._ranges)} ranges on {len(self._known)} nodes, suspect={self._suspect}>"

    def master_of(self, slot: int | None) -> Address:
        """Any master for None. Raises redis-py's ConnectionError if no node answers, ClusterDownError for a slot that
        nobody has.
        """
        ranges = self._ranges or self._asked()
        if slot is None:
            return random.choice(ranges).nodes[0]
        for one in ranges:
            if one.first <= slot <= one.last:
                return one.nodes[0]
        self._ranges = ()
        raise exceptions.ClusterDownError(f"nobody has slot {slot}")

    def masters(self) -> list[Address]:
        """Raises as `master_of`."""
        return list(dict.fromkeys(one.nodes[0] for one in self._ranges or self._asked()))

    def correct(self, moved: exceptions.MovedError, *, told_by: Address) -> None:
        """A master says who has one of its slots now."""
        slot, address = moved.slot_id, (moved.host or told_by[0], moved.port)
        others = (one for one in self._ranges if (one.first, one.last) != (slot, slot))
        self._ranges = (Range(slot, slot, (address,)), *others)

    def doubt(self, address: Address) -> None:
        """It has failed us: who has its slots is to be asked anew."""
        self._ranges, self._suspect = (), address

    def _asked(self) -> tuple[Range, ...]:
        with self._asking:
            if not self._ranges:  # nobody has asked while we waited
                self._ranges = self._ask()
            return self._ranges

    def _ask(self) -> tuple[Range, ...]:
        why: exceptions.RedisError | None = None
        for address in self._candidates():
            client = self._make_client(address)
            try:
                answer = client.execute_command("CLUSTER", "SLOTS")
            except exceptions.RedisError as error:
                why = error
            else:
                ranges = tuple(_range(rows(row), told_by=address) for row in rows(answer))
                self._known = {*self._seeds, *(node for one in ranges for node in one.nodes)}
                return ranges
            finally:
                client.close()
        raise exceptions.ConnectionError(f"no node of the cluster answers; the last said: {why}")

    def _candidates(self) -> list[Address]:
        shuffled = random.sample(sorted(self._known), len(self._known))
        return sorted(shuffled, key=lambda address: address == self._suspect)


class Cluster(Redis):
    """A command goes to the master of its keys' slot; one without a key to any."""

    def __init__(self, slots: Slots, make_client: MakeClient) -> None:
        super().__init__()  # its own pool is never used
        self._slots = slots
        self._make_client = make_client
        self._clients: dict[Address, Redis] = {}

    def __repr__(self) -> str:
        return f"<Cluster {self._slots!r}, {len(self._clients)} nodes in use>"

    def execute_command(self, *args: object, **options: object) -> object:
        return self.sent(slot_of(args), lambda node: node.execute_command(*args, **options))

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: ARG002, FBT001, FBT002  # redis-py's signature
        return _Pipeline(self, transaction=transaction)

    def masters(self) -> list[Redis]:
        """A client for each. Raises what redis-py raises."""
        return [self._client(address) for address in self._slots.masters()]

    def sent(self, slot: int | None, send: Callable[[Redis], Answer]) -> Answer:
        """What `send` gets from the node that has `slot`. Raises what redis-py raises."""
        for _ in range(REDIRECTIONS):
            address = self._slots.master_of(slot)
            try:
                return send(self._client(address))
            except exceptions.MovedError as moved:
                self._slots.correct(moved, told_by=address)
            except (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.ClusterDownError):
                self._slots.doubt(address)
                raise
        raise exceptions.ClusterDownError(f"the cluster's nodes don't agree who has slot {slot}")

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
            client.connection_pool.close()

    def _client(self, address: Address) -> Redis:
        client = self._clients.get(address)
        if client is None:
            client = self._clients[address] = self._make_client(address)
        return client


class _Pipeline(Pipeline):
    """Collects commands as redis-py's does, and sends them all to one master."""

    def __init__(self, cluster: Cluster, *, transaction: bool) -> None:
        super().__init__(cluster.connection_pool, cluster.response_callbacks, transaction, None)
        self._cluster = cluster

    def execute(self, raise_on_error: bool = True) -> list[object]:  # noqa: FBT001, FBT002  # redis-py's signature
        commands, self.command_stack = self.command_stack, []
        if not commands:
            return []
        slots = {slot_of(arguments) for arguments, _ in commands}
        if len(slots) > 1:
            raise ValueError("the keys of a pipeline must share a hash tag")

        def send(node: Redis) -> list[object]:
            pipeline = node.pipeline(self.transaction)
            pipeline.command_stack = list(commands)
            return pipeline.execute(raise_on_error)

        return self._cluster.sent(slots.pop(), send)


def slot_of(arguments: Sequence[object]) -> int | None:
    """The slot of a command's keys; None if it has none."""
    for argument in arguments:
        if isinstance(argument, str) and argument.startswith(TAGGED):
            return key_slot(argument.encode())
    return None


def _range(row: Sequence[object], *, told_by: Address) -> Range:
    """A node that does not know its own name is the one that was asked."""
    nodes = [rows(node) for node in row[2:]]
    addresses = [(maybe_text(node[0]) or told_by[0], integer(node[1])) for node in nodes]
    return Range(integer(row[0]), integer(row[1]), tuple(addresses))
