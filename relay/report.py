"""One log line and one count for a fact, always in the same words.

A fact is a record below; `report(fact)` counts it and writes it (cli/log.py). Facts hold no secrets, no bodies and no
tokens.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import ClassVar, Protocol, Self, runtime_checkable

from msgspec import Struct

from relay.core import metrics
from relay.core.metrics import Series
from relay.core.outcome import Failure
from relay.core.tally import Tally


class Level(IntEnum):
    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


class Fact(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    level: ClassVar[Level] = Level.INFO

    def count(self, tally: Tally) -> None:
        """Add to the metrics: nothing, unless the fact says otherwise."""

    @classmethod
    def count_all(cls, facts: Sequence[Self], tally: Tally) -> None:
        for fact in facts:
            fact.count(tally)


class Started(Fact, frozen=True, kw_only=True):
    what: str
    version: str
    address: str = ""
    redis: str = ""


class Stopping(Fact, frozen=True, kw_only=True):
    what: str
    because: str


class Stopped(Fact, frozen=True, kw_only=True):
    what: str
    seconds: float


class Attempt(Fact, frozen=True, kw_only=True):
    """One POST and what follows from it."""

    delivery: str
    webhook: str
    event: str
    kind: str
    attempt: int  # 1 for the first
    result: str  # the status, or the word for why there is none
    verdict: str  # delivered, again, dead, gone
    ms: int
    again_in_s: float | None = None
    latency_ms: int | None = None  # since Slack's frame; of what was delivered, and neither held nor sent again
    reason: str = ""
    detail: str = ""

    @classmethod
    def count_all(cls, facts: Sequence[Self], tally: Tally) -> None:
        tally.add_all(_counted, [(one.verdict, one.result, one.webhook) for one in facts])
        tally.observe_all(metrics.ATTEMPT_S, [one.ms for one in facts])
        tally.observe_all(metrics.DELIVERY_S, [one.latency_ms for one in facts if one.latency_ms is not None])


def _counted(attempt: tuple[str, ...]) -> list[Series]:
    """What one is counted in."""
    verdict, result, webhook = attempt
    counted = [metrics.ATTEMPTS.series(verdict, result[0] + "xx" if result.isdigit() else result)]
    if result != Failure.STOPPED:  # that was not the endpoint's doing
        counted.append(metrics.WEBHOOK_ATTEMPTS.series(webhook, "ok" if verdict == "delivered" else "failed"))
    if verdict != "again":
        counted.append(metrics.DELIVERIES.series("held" if verdict == "gone" else verdict))
    return counted


class SettledLate(Fact, frozen=True, kw_only=True):
    """The lease had run out before the result was written: the delivery was, or will be, posted again."""

    level: ClassVar[Level] = Level.WARNING
    delivery: str
    webhook: str

    def count(self, tally: Tally) -> None:
        tally.add(metrics.SETTLED_LATE)


class DeliveryUnsendable(Fact, frozen=True, kw_only=True):
    """It cannot be made into a POST and never will: it is dead."""

    level: ClassVar[Level] = Level.ERROR
    delivery: str
    webhook: str
    reason: str
    why: str

    def count(self, tally: Tally) -> None:
        tally.add(metrics.DELIVERIES, "dead")


class EventsKept(Fact, frozen=True, kw_only=True):
    """The journal has them: new ones, and copies of what was there already."""

    level: ClassVar[Level] = Level.DEBUG
    connection: str  # "relay" for the relay's own events
    new: int
    copies: int

    def count(self, tally: Tally) -> None:
        tally.add(metrics.EVENTS_RECEIVED, self.connection, by=self.new)
        tally.add(metrics.EVENTS_DEDUPLICATED, self.connection, by=self.copies)


class EventsMatched(Fact, frozen=True, kw_only=True):
    """A stretch of the journal became deliveries."""

    level: ClassVar[Level] = Level.DEBUG
    events: int
    filtered: int  # of them: those that no webhook wanted
    deliveries: int

    def count(self, tally: Tally) -> None:
        tally.add(metrics.EVENTS_FILTERED, by=self.filtered)
        tally.add(metrics.DELIVERIES_CREATED, by=self.deliveries)


class ConnectionChanged(Fact, frozen=True, kw_only=True):
    """How this process' own socket is doing."""

    connection: str
    kind: str  # rtm, socket_mode
    status: str
    was: str = ""
    lasted_s: float | None = None  # for how long it was that
    team: str = ""
    error: str = ""
    explanation: str = ""

    def count(self, tally: Tally) -> None:
        tally.add(metrics.CONNECTION_CHANGES, self.connection, self.status)


class EventsLost(Fact, frozen=True, kw_only=True):
    """The buffer between a socket and Redis overflowed while Redis was away."""

    level: ClassVar[Level] = Level.ERROR
    connection: str
    events: int

    def count(self, tally: Tally) -> None:
        tally.add(metrics.EVENTS_LOST, self.connection, by=self.events)


class WebhookFailing(Fact, frozen=True, kw_only=True):
    level: ClassVar[Level] = Level.WARNING
    webhook: str
    failing_s: float
    deliveries: int

    def count(self, tally: Tally) -> None:
        tally.add(metrics.WEBHOOK_WARNINGS)


class WebhookDisabled(Fact, frozen=True, kw_only=True):
    level: ClassVar[Level] = Level.WARNING
    webhook: str
    reason: str

    def count(self, tally: Tally) -> None:
        tally.add(metrics.WEBHOOKS_DISABLED, self.reason)


class UnreadableFilter(Fact, frozen=True, kw_only=True):
    level: ClassVar[Level] = Level.ERROR
    webhook: str
    why: str


class EventUnreadable(Fact, frozen=True, kw_only=True):
    """What is kept of an event cannot be read: it goes to no webhook."""

    level: ClassVar[Level] = Level.ERROR
    event: str


class ReplySaid(Fact, frozen=True, kw_only=True):
    """What a webhook answered is in the event's channel."""

    delivery: str
    connection: str
    channel: str


class ReplyUnsaid(Fact, frozen=True, kw_only=True):
    """What a webhook answered is not said in Slack, and will not be."""

    level: ClassVar[Level] = Level.WARNING
    delivery: str
    place: str
    why: str


class ReplayEnded(Fact, frozen=True, kw_only=True):
    replay: str
    webhook: str
    state: str
    looked: int
    resent: int
    made: int


class AwayNow(Fact, frozen=True, kw_only=True):
    """Said once for an outage, by each loop."""

    level: ClassVar[Level] = Level.WARNING
    loop: str
    why: str

    def count(self, tally: Tally) -> None:
        tally.add(metrics.REDIS_OUTAGES, _kind(self.loop))


class BackAgain(Fact, frozen=True, kw_only=True):
    loop: str
    away_s: float

    def count(self, tally: Tally) -> None:
        tally.observe(metrics.REDIS_OUTAGE_S, self.away_s, _kind(self.loop))


class LoopFailed(Fact, frozen=True, kw_only=True):
    """A turn of a loop ended in an error that nobody expected: a bug. The loop goes on."""

    level: ClassVar[Level] = Level.ERROR
    loop: str
    error: str
    trace: str = ""

    def count(self, tally: Tally) -> None:
        tally.add(metrics.LOOP_FAILURES, _kind(self.loop))


Reporter = Callable[[Fact], None]


@runtime_checkable
class Together(Protocol):
    """A reporter to which many facts of one kind, one at least, cost less than each alone."""

    def __call__(self, fact: Fact, /) -> None: ...
    def together(self, facts: Sequence[Fact]) -> None: ...


def for_many(report: Reporter) -> Callable[[Sequence[Fact]], None]:
    """Tells `report` many facts of one kind, one at least, as cheaply as it allows."""

    def one_by_one(facts: Sequence[Fact]) -> None:
        for fact in facts:
            report(fact)

    return report.together if isinstance(report, Together) else one_by_one


class Counting:
    """A reporter that counts each fact in `tally`, then passes it on."""

    __slots__ = ("_report_many", "_tally")

    def __init__(self, report: Reporter, tally: Tally) -> None:
        self._report_many = for_many(report)
        self._tally = tally

    def __call__(self, fact: Fact) -> None:
        self.together((fact,))

    def together(self, facts: Sequence[Fact]) -> None:
        facts[0].count_all(facts, self._tally)
        self._report_many(facts)


def _kind(loop: str) -> str:
    """`keeper` for `keeper con_…`: a label for each connection's loop would be too many."""
    return loop.partition(" con_")[0]
