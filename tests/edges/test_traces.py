"""Spans on their way to a collector: taken, or lost and told; nobody waits."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gevent.event import Event

from relay.core.delivery import Claim
from relay.core.ids import DeliveryId, EventId, WebhookId
from relay.core.trace import Role, Span, attempt_id, first_id, trace_id, traceparent
from relay.report import Fact
from relay.tracing import start
from relay.tracing.traces import BATCH, QUEUED, SpansLost, Traces, TracesAway, TracesBack, Unsent
from tests.collector import Collector
from tests.receivers import Answer
from tests.waiting import until


def span(number: int = 1) -> Span:
    return Span(name="POST", role=Role.CLIENT, trace=1, id=number, parent=9, began=1.5, ended=2.0, attributes={})


class Taker:
    """Takes spans, or does not; `gate` is what it waits for."""

    def __init__(self) -> None:
        self.took: list[Span] = []
        self.tried = 0
        self.down = False
        self.gate = Event()
        self.gate.set()

    def __call__(self, spans: Sequence[Span], /) -> None:
        self.tried += 1
        self.gate.wait()
        if self.down:
            raise Unsent("nobody is there")
        self.took += spans

    def close(self) -> None:
        """Nothing to close."""


@contextmanager
def telling(taker: Taker, facts: list[Fact]) -> Iterator[Traces]:
    traces = Traces(taker, facts.append)
    traces.start()
    try:
        yield traces
    finally:
        traces.stop(0.1)


def lost(facts: list[Fact]) -> int:
    return sum(fact.spans for fact in facts if isinstance(fact, SpansLost))


def test_spans_reach_the_collector_as_opentelemetry_writes_them() -> None:
    facts: list[Fact] = []
    with Collector() as collector:
        traces = start(collector.endpoint, facts.append)
        assert traces is not None
        traces([span()])
        traces.stop()
        (found,) = collector.spans()
    assert (found.name, found.trace, found.id, found.parent) == ("POST", 1, 1, 9)
    assert (found.start_ns, found.end_ns) == (1_500_000_000, 2_000_000_000)
    assert collector.service == "slack-webhook-relay"
    assert facts == []


def test_a_collector_that_refuses_is_one_line_with_its_reason() -> None:
    facts: list[Fact] = []
    with Collector() as collector:
        collector.receiver.answer = lambda got: Answer(401)
        traces = start(collector.endpoint, facts.append)
        assert traces is not None
        try:
            for number in range(2 * BATCH):
                traces([span(number + 1)])
            until(lambda: lost(facts) == 2 * BATCH)
            collector.receiver.answer = lambda got: Answer()
            traces([span()] * BATCH)
            until(lambda: any(isinstance(fact, TracesBack) for fact in facts))
        finally:
            traces.stop()
    (away,) = (fact for fact in facts if isinstance(fact, TracesAway))
    assert "401" in away.why


def test_nobody_waits_for_a_collector_that_hangs_and_what_finds_no_room_is_counted() -> None:
    facts: list[Fact] = []
    taker = Taker()
    taker.gate.clear()
    with telling(taker, facts) as traces:
        traces([span()] * BATCH)
        until(lambda: taker.tried)
        traces(span() for _ in range(QUEUED + 5))  # returns, and nothing has been taken yet
        assert taker.took == []
        taker.gate.set()
        until(lambda: len(taker.took) == BATCH + QUEUED)
        until(lambda: lost(facts) == 5)


def test_no_collector_named_is_no_work_at_all() -> None:
    facts: list[Fact] = []
    assert start("", facts.append) is None
    assert facts == []


def test_whoever_knows_the_ids_knows_the_spans() -> None:
    claim = Claim(
        sequence=7,
        id=DeliveryId("dlv_1"),
        webhook=WebhookId("wh_1"),
        event_id=EventId("Ev1"),
        tries=0,
        losses=0,
        fence=3,
        lease_s=15.0,
    )
    version, trace, parent, flags = traceparent(claim).split("-")
    assert (version, flags) == ("00", "01")
    assert (len(trace), len(parent)) == (32, 16)
    assert (int(trace, 16), int(parent, 16)) == (trace_id(EventId("Ev1")), attempt_id(claim))
    assert trace_id(EventId("Ev1")) != trace_id(EventId("Ev2"))
    assert first_id(trace_id(EventId("Ev1"))) != attempt_id(claim)
