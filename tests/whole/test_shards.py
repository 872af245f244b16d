"""Several shards: each connection's events live on one, and the API shows all as one."""

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Self

import gevent
import pytest

from relay.core.sharding import shard_of
from relay.simulator.options import SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from relay.store.client import Client, StoreOptions
from relay.store.connections import DEFAULT_RTM, DEFAULT_SOCKET_MODE
from relay.store.keys import Keys
from relay.store.shards import Shards
from tests.receivers import Receiver
from tests.servers import RedisServer
from tests.waiting import let_pass, until
from tests.whole.api import call
from tests.whole.program import Program
from tests.whole.scene import environment, register
from tests.whole.steady import Talk, tally

SHARDS = 8


@pytest.fixture
def slack() -> Iterator[SimulatedSlack]:
    with SimulatedSlack(SimulatorOptions()) as slack:
        yield slack


def test_events_of_all_shards_are_delivered_and_shown_as_one(slack: SimulatedSlack, redis_url: str) -> None:
    env = environment(slack, f"{redis_url}?shards={SHARDS}")
    with Receiver() as receiver, Receiver() as other, Program("serve", env) as relay:
        until(lambda: len(slack.lines) == 2, saying="both connections are up")
        register(relay, receiver, DEFAULT_RTM)
        register(relay, other, DEFAULT_SOCKET_MODE)
        with Talk(slack, rate=100) as talk:
            other.wait_for(50)
            receiver.wait_for(50)
            talk.end()
            until(lambda: not any(tally(talk.said, one.got).lost for one in (receiver, other)), saying="all has come")
            assert tally(talk.said, receiver.got).doubled == 0
        events = call(relay.address, "GET /v1/events?limit=200").body["data"]
        assert isinstance(events, list)
        assert len(events) == min(200, 2 * talk.said)
        ledger = call(relay.address, "GET /v1/stats").body
        assert ledger["events"] == 2 * talk.said
        assert ledger["received"] == sum(int(str(ledger[name])) for name in ("filtered", "delivered", "outstanding"))
    client = Client(StoreOptions(url=redis_url))
    lengths = [client.redis.xlen(Keys(shard)("journal")) for shard in range(SHARDS)]
    client.close()
    places = {shard_of(id, SHARDS) for id in (DEFAULT_RTM, DEFAULT_SOCKET_MODE)}
    assert len(places) == 2
    assert {shard for shard, length in enumerate(lengths) if length} == places


def test_their_number_is_fixed_by_the_first_process(redis_url: str) -> None:
    for wanted in (8, 3):
        client = Client(StoreOptions(url=f"{redis_url}?shards={wanted}"))
        assert client.shards() == len(Shards(client)) == 8
        client.close()


def is_ready(relay: Program) -> bool:
    return call(relay.address, "GET /readyz", token=None).status == 200


def test_an_idle_process_costs_two_commands_a_second_whatever_the_number_of_shards(slack: SimulatedSlack) -> None:
    """Of shards that nothing has come to."""
    with RedisServer() as one, RedisServer() as other, ExitStack() as stack:
        for redis, shards in ((one, 1), (other, 16)):
            relay = stack.enter_context(Program("serve", environment(slack, f"{redis.url}?shards={shards}")))
            until(partial(is_ready, relay))
        let_pass(1.0)
        with Commands(one) as of_one, Commands(other) as of_sixteen:
            let_pass(10.0)
        for commands in (of_one, of_sixteen):
            assert len(commands.seen) <= 2 * 10, commands.seen


class Commands:
    """What clients ask of a Redis, without what scripts ask in their turn."""

    def __init__(self, redis: RedisServer) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(redis.url.removeprefix("unix://"))
        self.seen: list[str] = []

    def __enter__(self) -> Self:
        self._socket.sendall(b"MONITOR\r\n")
        self._reader = gevent.spawn(self._read)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._socket.close()

    def _read(self) -> None:
        with self._socket.makefile(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if re.match(r"\+\d+\.\d+ \[\d+ unix:", line):
                    self.seen.append(line.strip())
