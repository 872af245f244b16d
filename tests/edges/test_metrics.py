"""/metrics, and what every process brings to it."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from time import time

import pytest
from gevent.event import Event
from prometheus_client.parser import text_string_to_metric_families

from relay.core import metrics
from relay.core.connection import Connection, ConnectionState, ConnectionStatus, Kind
from relay.core.ids import ConnectionId
from relay.core.metrics import EXPORTED, Metric
from relay.core.minutes import latency_buckets
from relay.core.readiness import Readiness, check_loops
from relay.core.tally import Tally
from relay.loops import Loop
from relay.metrics import Metrics
from relay.report import Attempt, Counting, EventsMatched, Fact
from relay.store.client import Client, StoreOptions
from relay.store.connection_states import Standing
from relay.store.counts import Counts, ProcessRecord
from relay.store.workers import Workers
from tests.edges.desk import Desk, open_desk
from tests.edges.engine import running
from tests.receivers import Answer, Receiver
from tests.servers import RedisServer
from tests.store.filled import envelope, webhook
from tests.waiting import let_pass, until

RECORD = ProcessRecord(what="worker", host="a", version="1", pid=1, started_at=0.0, loops_idle_s={"claim": 0.5})


@pytest.fixture
def desk(redis_url: str) -> Iterator[Desk]:
    with open_desk(redis_url) as desk:
        yield desk


@contextmanager
def process(client: Client, name: str, report: list[Fact]) -> Iterator[tuple[Tally, Metrics]]:
    tally = Tally()
    told = Metrics(tally, Counts(client), name, look=lambda: RECORD, report=report.append)
    told.start()
    try:
        yield tally, told
    finally:
        told.stop()


def scraped(desk: Desk) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Each sample's labels and value, by name, as Prometheus' own parser reads them."""
    said = desk.ask("GET", "/metrics", token=None)
    assert said.status == 200
    assert said.headers["content-type"].startswith("text/plain; version=0.0.4")
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(said.raw.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(desk: Desk, metric: Metric, **labels: str) -> float:
    return sum(each for known, each in scraped(desk).get(metric.name, []) if labels.items() <= known.items())


def test_every_metric_is_announced_before_anything_happened(desk: Desk) -> None:
    text = desk.ask("GET", "/metrics", token=None).raw.decode()
    for metric in EXPORTED:
        assert f"# TYPE {metric.name} {metric.kind}\n" in text
        assert f"# HELP {metric.name} " in text


def test_processes_are_summed_whichever_is_asked(desk: Desk) -> None:
    facts: list[Fact] = []
    with process(desk.store.client, "p", facts) as (first, _), process(desk.store.client, "q", facts) as (second, _):
        first.add(metrics.EVENTS_RECEIVED, "con_1", by=2)
        second.add(metrics.EVENTS_RECEIVED, "con_1", by=3)
        until(lambda: value(desk, metrics.EVENTS_RECEIVED, connection="con_1") == 5)
        assert {labels["process"] for labels, _ in scraped(desk)[metrics.PROCESSES.name]} == {"p", "q"}
        first.add(metrics.EVENTS_RECEIVED, "con_1", by=10)
    assert value(desk, metrics.EVENTS_RECEIVED) == 15, "what was not yet told is told at the end"
    assert metrics.PROCESSES.name not in scraped(desk)
    assert facts == []


def test_counts_outlive_an_outage(own_redis: RedisServer) -> None:
    client = Client(StoreOptions(url=own_redis.url, timeout_s=0.5))
    facts: list[Fact] = []
    with process(client, "p", facts) as (tally, told):
        own_redis.kill()
        tally.add(metrics.DELIVERIES, "delivered", by=4)
        until(lambda: facts, saying="the outage is told")
        tally.add(metrics.DELIVERIES, "delivered", by=1)
        own_redis.start()
        until(lambda: sum(Counts(client).sums().values()) == 5)
        assert "told" in repr(told)
    client.close()


def test_an_idle_process_costs_a_command_in_ten_seconds_at_most(redis_url: str, redis_server: RedisServer) -> None:
    client = Client(StoreOptions(url=redis_url))
    with process(client, "p", []):
        until(lambda: Counts(client).processes(time()))
        before = redis_server.client.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0)
        let_pass(3.0)
        after = redis_server.client.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0)
    assert after - before <= 1
    client.close()


def test_attempts_are_counted_by_what_came_of_them(desk: Desk, redis_url: str) -> None:
    facts: list[Fact] = []
    tally = Tally()
    with running(redis_url) as engine, Receiver(lambda got: Answer(500 if b"bad" in got.body else 200)) as receiver:
        engine.webhooks.add(webhook("wh_1", url=receiver.url, retry_schedule_s=(60.0,)))
        engine.journal.append([envelope("Ev1", body=b'{"n":"good"}'), envelope("Ev2", body=b'{"n":"bad"}')])
        until(lambda: Counter(map(type, engine.facts)) >= Counter({Attempt: 2, EventsMatched: 1}))
        for fact in engine.facts:
            Counting(facts.append, tally)(fact)
    assert facts == engine.facts, "what is counted is reported too"
    counted = tally.take()
    assert counted[metrics.ATTEMPTS.name, "delivered", "2xx"] == 1
    assert counted[metrics.ATTEMPTS.name, "again", "5xx"] == 1
    assert counted[metrics.DELIVERIES.name, "delivered"] == 1
    assert counted[metrics.WEBHOOK_ATTEMPTS.name, "wh_1", "failed"] == 1
    assert counted[(metrics.DELIVERIES_CREATED.name,)] == 2
    assert sum(latency_buckets(counted)) == 1, "only what was taken has a latency"


def test_connections_and_backlogs_stand_as_they_are(desk: Desk) -> None:
    id = ConnectionId("con_1")
    desk.connections.add(Connection(id=id, kind=Kind.RTM, token="xoxb-1", name="a secret name"))
    workers = Workers(desk.store.client)
    workers.beat()
    up = ConnectionState(status=ConnectionStatus.CONNECTED, since=1.0)
    desk.states.say(id, workers.me, Standing(view=up, hears=True, at=time(), replaced=True))
    desk.store.webhooks.add(webhook("wh_1"))
    desk.store.deliver("Ev1", "Ev2")
    assert value(desk, metrics.CONNECTION_UP, connection="con_1", kind="rtm") == 1
    assert value(desk, metrics.CONNECTION_STATUS, connection="con_1", status="failed") == 0
    assert value(desk, metrics.CONNECTION_RECONNECTS, connection="con_1") == 1
    assert value(desk, metrics.BACKLOG, webhook="wh_1") == 2
    assert value(desk, metrics.LEDGER, column="outstanding") == 2
    assert value(desk, metrics.WEBHOOKS) == 1
    assert value(desk, metrics.REDIS_UP) == 1
    raw = desk.ask("GET", "/metrics", token=None).raw
    assert not re.search(rb"xoxb|secret|whsec|example\.com", raw)


def test_redis_away_is_a_metric_and_no_error(own_redis: RedisServer) -> None:
    with open_desk(own_redis.url) as desk:
        own_redis.kill()
        assert value(desk, metrics.REDIS_UP) == 0


def test_a_loop_that_is_stuck_makes_the_process_unready(desk: Desk) -> None:
    never = Event()

    def turn() -> None:
        never.wait()

    loop = Loop("claim", turn, desk.facts.append)
    loop.start()
    try:
        said = {}
        for since_s in (1, 31):
            checks = check_loops({loop.name: loop.last_turn}, loop.last_turn + since_s)
            desk.readiness = Readiness(checks=tuple(checks))
            said[since_s] = desk.ask("GET", "/readyz", token=None)
        assert (said[1].status, said[31].status) == (200, 503)
        assert "has not turned" in said[31].raw.decode()
    finally:
        loop.stop()
