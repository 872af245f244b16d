"""What waits for another try, however much it is."""

import random
from collections.abc import Sequence

import pytest

from relay.core.delivery import Claim, State, Step
from relay.core.ids import DeliveryId
from relay.core.webhook import DisabledReason
from relay.store.deliveries import Settlement
from relay.store.reply import text
from tests.store.audit import audit
from tests.store.filled import Filled, webhook
from tests.waiting import until

MANY = 300
"""Enough for several trays."""


@pytest.fixture
def lent(filled: Filled) -> list[Claim]:
    filled.webhooks.add(webhook("wh_1", max_in_flight=MANY))
    filled.deliver(*(f"Ev{number}" for number in range(MANY)))
    return filled.claim(MANY)


def put_off(filled: Filled, claims: Sequence[Claim], waits_s: Sequence[float]) -> list[DeliveryId]:
    settlements = [
        Settlement(claim=claim, step=Step.POSTPONE, failed=False, wait_s=wait_s, attempt=b"{}")
        for claim, wait_s in zip(claims, waits_s, strict=True)
    ]
    filled.deliveries.settle(settlements)
    assert audit(filled.client.redis) == []
    return [claim.id for claim in claims]


def test_it_comes_back_in_the_order_in_which_it_is_due(filled: Filled, lent: list[Claim]) -> None:
    waits_s = [number / 1000 for number in range(MANY)]
    random.shuffle(waits_s)
    put_off(filled, lent, waits_s)
    back: list[DeliveryId] = []

    def all_came_back() -> bool:
        back.extend(claim.id for claim in filled.claim(MANY))
        return len(back) == MANY

    until(all_came_back)
    due = [filled.delivery(id).due_at for id in back]
    assert due == sorted(due, key=lambda at: at or 0.0)
    assert audit(filled.client.redis) == []


def test_what_is_due_at_one_moment_is_found_wherever_it_waits(filled: Filled, lent: list[Claim]) -> None:
    ids = put_off(filled, lent, [3600.0] * MANY)
    random.shuffle(ids)
    cancelled, again = ids[: MANY // 2], ids[MANY // 2 :]
    assert filled.deliveries.redo(cancelled, Step.CANCEL) == [1] * len(cancelled)
    assert audit(filled.client.redis) == []
    assert filled.deliveries.redo(again, Step.REPLAY) == [1] * len(again)
    assert audit(filled.client.redis) == []
    assert not filled.client.redis.keys("relay:{0}:due:*") + filled.client.redis.keys("relay:{0}:tray:*")
    assert {filled.state(id) for id in cancelled} == {State.CANCELLED}


def test_a_disabled_webhook_holds_all_of_it(filled: Filled, lent: list[Claim]) -> None:
    put_off(filled, lent, [3600.0 + number for number in range(MANY)])
    filled.webhooks.disable(lent[0].webhook, DisabledReason.MANUAL, 0.0)
    until(lambda: filled.claim() == [] and filled.deliveries.ledger().held == MANY)
    assert audit(filled.client.redis) == []


def test_each_place_is_small_enough_to_cost_little(filled: Filled, lent: list[Claim]) -> None:
    put_off(filled, lent, [3600.0 + random.random() for _ in lent])
    names = filled.client.redis.keys("relay:{0}:due:*") + filled.client.redis.keys("relay:{0}:tray:*")
    assert len(names) > MANY / 64
    assert {text(filled.client.redis.object("encoding", name)) for name in names} == {"listpack"}


def test_what_an_earlier_release_has_put_in_one_long_row_comes_back(filled: Filled, lent: list[Claim]) -> None:
    ids = put_off(filled, lent, [3600.0] * MANY)
    redis = filled.client.redis
    for name in redis.keys("relay:{0}:tray:*"):
        redis.zunionstore("relay:{0}:due:wh_1", ["relay:{0}:due:wh_1", name])
        redis.delete(name)
    redis.delete("relay:{0}:later:wh_1")
    assert redis.zcard("relay:{0}:due:wh_1") == MANY
    assert filled.deliveries.redo(ids[:9], Step.REPLAY) == [1] * 9
    put_off(filled, filled.claim(9), [7200.0] * 9)
    assert filled.deliveries.redo(ids, Step.CANCEL) == [1] * MANY
    assert audit(redis) == []
