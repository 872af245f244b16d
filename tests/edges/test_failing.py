"""A webhook that only fails: its owner is told three times, then it is disabled, and told that."""

import json
from collections.abc import Iterator
from time import time

import pytest

from relay.core.ids import WebhookId
from relay.core.webhook import DisabledReason, Json, Status
from relay.store.reply import integer
from tests.edges.engine import Engine, running
from tests.receivers import Answer, Got, Receiver
from tests.store.filled import webhook
from tests.waiting import until

ONE = WebhookId("wh_1")
GATE = "relay:{0}:gate:wh_1"


@pytest.fixture
def engine(redis_url: str) -> Iterator[Engine]:
    with running(redis_url) as engine:
        yield engine


def no(_: Got) -> Answer:
    return Answer(400, headers=(("X-Slack-No-Retry", "1"),))


def fail_once_more(engine: Engine, *, after_hours: float = 0.0, failed: int = 0) -> None:
    """So many hours after the first failure, as the books have it, and so many failed deliveries."""
    dead = engine.ledger().dead
    if after_hours:
        engine.client.redis.hset(GATE, "since", int((time() - after_hours * 3600) * 1000))
    if failed:
        engine.client.redis.hset(GATE, "failed", failed)
    engine.append(f"Ev{dead}")
    until(lambda: engine.ledger().dead == dead + 1)


def told(owner: Receiver, count: int) -> dict[str, Json]:
    """The last of so many events of the relay's own."""
    event: dict[str, Json] = json.loads(owner.wait_for(count)[-1].body)["event"]
    return event


def test_its_owner_is_warned_three_times_then_it_is_disabled_and_what_comes_is_held(engine: Engine) -> None:
    with Receiver(no) as receiver, Receiver() as owner:
        engine.webhooks.add(webhook("wh_1", url=receiver.url, events=("message",)))
        engine.webhooks.add(webhook("wh_2", url=owner.url, events=("relay.*",)))
        fail_once_more(engine)
        for level, hours in enumerate((7, 25, 73), 1):
            fail_once_more(engine, after_hours=hours)
            event = told(owner, level)
            assert (event["type"], event["webhook"]) == ("relay.webhook_failing", "wh_1")
            assert integer(event["failing_s"]) >= hours * 3600
        fail_once_more(engine, after_hours=121, failed=99)
        event = told(owner, 4)
        assert (event["type"], event["reason"]) == ("relay.webhook_disabled", "failing")
        found = engine.webhooks.get(ONE)
        assert found is not None
        assert (found.status, found.disabled_reason) == (Status.DISABLED, DisabledReason.FAILING)
        engine.append("Ev99")
        until(lambda: engine.ledger().held == 1)
        assert len(receiver.got) == 5


def test_one_success_and_it_begins_anew(engine: Engine) -> None:
    with Receiver(no) as receiver, Receiver() as owner:
        engine.webhooks.add(webhook("wh_1", url=receiver.url, events=("message",)))
        engine.webhooks.add(webhook("wh_2", url=owner.url, events=("relay.*",)))
        fail_once_more(engine)
        fail_once_more(engine, after_hours=7)
        assert told(owner, 1)["type"] == "relay.webhook_failing"
        receiver.answer = lambda _: Answer()
        engine.append("Ev50")
        until(lambda: engine.deliveries.ledger(ONE).delivered == 1)
        gate = engine.client.redis.hmget(GATE, "since", "failed", "warned", "fails")
        assert [integer(value) for value in gate] == [0, 0, 0, 0]
