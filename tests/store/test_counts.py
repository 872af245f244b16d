"""Sums over processes: nothing lost, nothing counted twice; and the backlogs that are shown."""

from time import time

import pytest

from relay.core import metrics
from relay.core.delivery import Step
from relay.core.ids import WebhookId
from relay.core.matching import Match
from relay.core.metrics import Metric
from relay.core.tally import Tally
from relay.store.backlogs import Backlogs
from relay.store.client import Client, StoreOptions
from relay.store.counts import LIVES_S, Counts, ProcessRecord, WebhookMinute
from relay.store.errors import StoreAway
from tests.servers import RedisServer
from tests.store.filled import Filled, webhook

RECORD = ProcessRecord(what="worker", host="a", version="1", pid=1, started_at=0.0, loops_idle_s={"claim": 0.5})


def counted(*adds: tuple[Metric, str, int]) -> Tally:
    tally = Tally()
    for metric, label, by in adds:
        tally.add(metric, label, by=by)
    return tally


@pytest.fixture
def counts(filled: Filled) -> Counts:
    return Counts(filled.client)


def test_what_is_told_twice_is_added_once(counts: Counts) -> None:
    told = counted((metrics.DELIVERIES, "delivered", 3)).take()
    for _ in range(2):
        counts.tell("p", 1, told, record=RECORD)
    assert counts.sums() == {(metrics.DELIVERIES.name, "delivered"): 3}
    counts.tell("p", 2, told, record=RECORD)
    assert counts.sums() == {(metrics.DELIVERIES.name, "delivered"): 6}


def test_what_a_process_told_stays_when_it_ends(counts: Counts) -> None:
    counts.tell("p", 1, counted((metrics.DELIVERIES, "dead", 1)).take(), record=RECORD)
    counts.tell("q", 1, counted((metrics.DELIVERIES, "dead", 2)).take(), record=RECORD)
    assert set(counts.processes(time())) == {"p", "q"}
    counts.tell("p", 2, counted((metrics.DELIVERIES, "dead", 4)).take(), record=None)
    assert counts.sums() == {(metrics.DELIVERIES.name, "dead"): 7}
    assert counts.processes(time()) == {"q": RECORD}


def test_a_process_that_says_nothing_for_long_does_not_live(counts: Counts) -> None:
    counts.tell("p", 1, {}, record=RECORD)
    assert counts.processes(time() + LIVES_S + 1) == {}


def test_the_last_hour_has_sixty_minutes_and_the_last_one_runs(counts: Counts) -> None:
    tally = counted((metrics.EVENTS_RECEIVED, "con_1", 5), (metrics.EVENTS_LOST, "con_1", 1))
    counts.tell("p", 1, tally.take(), record=RECORD)
    minutes = counts.minutes(int(time()))
    assert [at for at, _ in minutes] == sorted(at for at, _ in minutes)
    assert len(minutes) == 60
    assert sum(sum(each.values()) for _, each in minutes) == 5, "what is not charted is not kept by the minute"


def test_webhooks_have_an_hour_of_their_own_and_no_sum(counts: Counts) -> None:
    tally = Tally()
    tally.add(metrics.WEBHOOK_ATTEMPTS, "wh_1", "ok", by=2)
    tally.add(metrics.WEBHOOK_ATTEMPTS, "wh_1", "failed")
    counts.tell("p", 1, tally.take(), record=RECORD)
    found = counts.webhook_minutes([WebhookId("wh_1"), WebhookId("wh_2")], int(time()))
    assert WebhookMinute(ok=2, failed=1) in found[WebhookId("wh_1")][-2:]
    assert set(found[WebhookId("wh_2")]) == {WebhookMinute()}
    assert counts.sums() == {}
    assert counts.webhook_minutes([], int(time())) == {}


def test_nothing_that_is_kept_by_the_minute_stays(counts: Counts, filled: Filled) -> None:
    tally = counted((metrics.EVENTS_RECEIVED, "con_1", 5))
    tally.add(metrics.WEBHOOK_ATTEMPTS, "wh_1", "ok")
    counts.tell("p", 1, tally.take(), record=RECORD)
    lasting = [key for key in filled.client.redis.keys("relay:*") if filled.client.redis.ttl(key) == -1]
    assert sorted(lasting) == [b"relay:{g}:counts", b"relay:{g}:processes"]


def test_redis_away_is_said_and_the_same_may_be_told_again(own_redis: RedisServer) -> None:
    client = Client(StoreOptions(url=own_redis.url, timeout_s=1.0))
    counts = Counts(client)
    told = counted((metrics.DELIVERIES, "delivered", 3)).take()
    own_redis.kill()
    with pytest.raises(StoreAway):
        counts.tell("p", 1, told, record=RECORD)
    own_redis.start()
    counts.tell("p", 1, told, record=RECORD)
    assert sum(counts.sums().values()) == 3
    client.close()


def test_the_largest_backlog_is_found_first_the_stuck_one_too(filled: Filled) -> None:
    for name in ("wh_1", "wh_2", "wh_3"):
        filled.webhooks.add(webhook(name, max_in_flight=1))
    backlogs = Backlogs(filled.client)
    assert backlogs.longest(time()) == []
    for number in range(3):
        filled.append(f"Ev{number}")
        filled.fan_out(*[Match(webhook=WebhookId(f"wh_{each}")) for each in range(1, 3 if number else 4)])
    claims = filled.claim()
    for claim in claims:
        if claim.webhook != "wh_2":  # which hangs, with its only slot
            filled.settle(claim, Step.ACCEPT)
    found = backlogs.longest(time() + 5)
    assert [(one.webhook, one.outstanding) for one in found] == [("wh_2", 3), ("wh_1", 2)]
    assert all(4 < one.overdue_s < 30 for one in found)


def test_a_retry_is_overdue_only_after_its_time(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver("Ev1")
    (claim,) = filled.claim()
    filled.settle(claim, Step.POSTPONE, wait_s=100.0)
    (early,) = Backlogs(filled.client).longest(time())
    (late,) = Backlogs(filled.client).longest(time() + 130)
    assert early.overdue_s == 0
    assert 20 < late.overdue_s < 40


def test_events_that_nobody_fans_out_grow_old(filled: Filled) -> None:
    backlogs = Backlogs(filled.client)
    assert backlogs.fan_out_lag_s(time()) == 0
    before = time()
    filled.append("Ev1")
    after = time()
    assert backlogs.fan_out_lag_s(before + 10) <= 10.01
    assert backlogs.fan_out_lag_s(after + 10) >= 9.99
    filled.fan_out()
    assert backlogs.fan_out_lag_s(time() + 10) == 0
