"""Redis away, in each way in which it can be: every loop says so once, and goes on by itself when it is back."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gevent.event import Event

from relay.core.delivery import State
from relay.report import AwayNow, BackAgain
from relay.store.errors import StoreAway
from tests.edges.engine import Engine, running
from tests.receivers import Answer, Got, Receiver
from tests.servers import RedisServer
from tests.store.audit import audit
from tests.store.filled import webhook
from tests.waiting import until

LOOPS = {"fan out", "claim", "settle"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def engine(own_redis: RedisServer) -> Iterator[Engine]:
    with running(own_redis.url, timeout_s=0.3) as engine:
        yield engine


def said(engine: Engine, kind: type[AwayNow | BackAgain]) -> Counter[str]:
    return Counter(fact.loop for fact in engine.facts if isinstance(fact, kind))


def write(call: Callable[[], object]) -> None:
    """As Slack's side does: until it is written."""

    def written() -> bool:
        try:
            call()
        except StoreAway:
            return False
        return True

    until(written)


def goes_on(engine: Engine, receiver: Receiver, name: str) -> None:
    """A new event reaches its endpoint."""
    before = len(receiver.got)
    write(lambda: engine.append(name))
    until(lambda: len(receiver.got) > before, saying=f"{name} had come")


def hold_back(receiver: Receiver) -> Event:
    """The endpoint answers nothing until the event is set."""
    answers = Event()

    def answer(_: Got) -> Answer:
        answers.wait()
        return Answer()

    receiver.answer = answer
    return answers


def begin(engine: Engine, receiver: Receiver, *, timeout_s: float = 10.0) -> None:
    engine.webhooks.add(webhook("wh_1", url=receiver.url, timeout_s=timeout_s))
    goes_on(engine, receiver, "Ev1")
    until(lambda: engine.settled(1))


def each_loop_said_it_once(engine: Engine) -> None:
    until(lambda: said(engine, BackAgain) == said(engine, AwayNow))
    assert set(said(engine, AwayNow).values()) == {1}


def test_killed_and_back_with_its_data(engine: Engine, receiver: Receiver, own_redis: RedisServer) -> None:
    begin(engine, receiver)
    own_redis.kill()
    until(lambda: set(said(engine, AwayNow)) >= {"fan out", "claim"})
    own_redis.start()
    goes_on(engine, receiver, "Ev2")
    each_loop_said_it_once(engine)
    assert len(receiver.got) == 2
    until(lambda: engine.settled(2))
    assert audit(own_redis.client) == []


def test_what_was_in_flight_is_settled_when_it_is_back(
    engine: Engine, receiver: Receiver, own_redis: RedisServer
) -> None:
    begin(engine, receiver)
    answer = hold_back(receiver)
    engine.append("Ev2")
    receiver.wait_for(2)
    own_redis.kill()
    answer.set()
    until(lambda: set(said(engine, AwayNow)) == LOOPS)
    own_redis.start()
    until(lambda: engine.settled(2))
    assert engine.state(engine.ids()[1]) is State.DELIVERED
    assert len(receiver.got) == 2
    goes_on(engine, receiver, "Ev3")
    each_loop_said_it_once(engine)


def test_back_without_its_data(engine: Engine, receiver: Receiver, own_redis: RedisServer) -> None:
    begin(engine, receiver)
    own_redis.restart(empty=True)
    write(lambda: engine.webhooks.add(webhook("wh_2", url=receiver.url)))
    goes_on(engine, receiver, "Ev2")
    each_loop_said_it_once(engine)


def test_without_its_scripts(engine: Engine, receiver: Receiver, own_redis: RedisServer) -> None:
    begin(engine, receiver)
    own_redis.client.script_flush()
    goes_on(engine, receiver, "Ev2")
    assert said(engine, AwayNow) == {}


def test_standing_still(engine: Engine, receiver: Receiver, own_redis: RedisServer) -> None:
    begin(engine, receiver, timeout_s=0.2)  # and so the lease of what was lent in an answer that nobody heard
    engine.append("Ev2")
    own_redis.pause()
    with pytest.raises(StoreAway):
        engine.append("Ev3")
    own_redis.resume()
    goes_on(engine, receiver, "Ev3")
    until(lambda: engine.settled(3))
    until(lambda: said(engine, BackAgain) == said(engine, AwayNow))
    assert audit(own_redis.client) == []


def test_read_only_as_a_replica_after_a_failover(engine: Engine, receiver: Receiver, own_redis: RedisServer) -> None:
    begin(engine, receiver)
    own_redis.client.replicaof("127.0.0.1", "1")
    with pytest.raises(StoreAway):
        engine.append("Ev2")
    until(lambda: "claim" in said(engine, AwayNow))
    own_redis.client.replicaof("NO", "ONE")
    goes_on(engine, receiver, "Ev2")
    each_loop_said_it_once(engine)


def fills_its_disk(own_redis: RedisServer) -> Path:
    """As far as it can tell: where its snapshot belongs there is something in the way, and so it takes no writes."""
    in_the_way = Path(str(own_redis.client.config_get("dir")["dir"])) / "dump.rdb"
    in_the_way.mkdir()
    own_redis.client.config_set("save", "3600 1")
    own_redis.client.bgsave()
    until(lambda: own_redis.client.info("persistence")["rdb_last_bgsave_status"] == "err")
    return in_the_way


def test_a_disk_that_is_full(engine: Engine, receiver: Receiver, own_redis: RedisServer) -> None:
    begin(engine, receiver)
    answer = hold_back(receiver)
    engine.append("Ev2")
    receiver.wait_for(2)
    in_the_way = fills_its_disk(own_redis)
    with pytest.raises(StoreAway, match="MISCONF"):
        engine.append("Ev3")
    answer.set()
    until(lambda: "settle" in said(engine, AwayNow))
    in_the_way.rmdir()
    own_redis.client.bgsave()
    goes_on(engine, receiver, "Ev3")
    until(lambda: engine.settled(3))
    assert len(receiver.got) == 3
    each_loop_said_it_once(engine)
    assert audit(own_redis.client) == []


def test_out_of_memory_nothing_comes_in_and_what_is_in_goes_out(
    engine: Engine, receiver: Receiver, own_redis: RedisServer
) -> None:
    begin(engine, receiver)
    answer = hold_back(receiver)
    engine.append(*(f"Ev{number}" for number in range(2, 40)))
    until(lambda: engine.ledger().events == 39)
    own_redis.client.config_set("maxmemory", 1)
    with pytest.raises(StoreAway):
        engine.append("Ev99")
    answer.set()
    until(lambda: engine.ledger().delivered == 39)
    assert len(receiver.got) == 39
    own_redis.client.config_set("maxmemory", 0)
    goes_on(engine, receiver, "Ev99")
