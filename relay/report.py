"""One log line and one count for a fact, always in the same words.

A fact is a record below; `report(fact)` writes it. As text, for people on a terminal, or as one JSON object a line,
for a log drain. The
line's `fact` is the record's name in words, the rest are its fields; what is absent or empty is left out. Facts hold
no secrets, no bodies and no tokens.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import ClassVar, TextIO

from relay.core import metrics
from relay.core.tally import Tally


class Level(IntEnum):
    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    level: ClassVar[Level] = Level.INFO

    def count(self, tally: Tally) -> None:
        """Add to the metrics: nothing, unless the fact says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Fact):
    what: str
    version: str
    address: str = ""
    redis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping(Fact):
    what: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped(Fact):
    what: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt(Fact):
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
    latency_ms: int | None = None  # of what was delivered: since Slack's frame
    reason: str = ""
    detail: str = ""

    def count(self, tally: Tally) -> None:
        result = self.result[0] + "xx" if self.result.isdigit() else self.result
        tally.add(metrics.ATTEMPTS, self.verdict, result)
        tally.observe(metrics.ATTEMPT_S, self.ms / 1000)
        is_delivered = self.verdict == "delivered"
        tally.add(metrics.WEBHOOK_ATTEMPTS, self.webhook, "ok" if is_delivered else "failed")
        if self.verdict != "again":
            tally.add(metrics.DELIVERIES, "held" if self.verdict == "gone" else self.verdict)
        if self.latency_ms is not None:
            tally.observe(metrics.DELIVERY_S, self.latency_ms / 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledLate(Fact):
    """The lease had run out before the result was written: the delivery was, or will be, posted again."""

    level: ClassVar[Level] = Level.WARNING
    delivery: str
    webhook: str

    def count(self, tally: Tally) -> None:
        tally.add(metrics.SETTLED_LATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryUnsendable(Fact):
    """It cannot be made into a POST and never will: it is dead."""

    level: ClassVar[Level] = Level.ERROR
    delivery: str
    webhook: str
    reason: str
    why: str

    def count(self, tally: Tally) -> None:
        tally.add(metrics.DELIVERIES, "dead")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsMatched(Fact):
    """A stretch of the journal became deliveries."""

    level: ClassVar[Level] = Level.DEBUG
    events: int
    filtered: int  # of them: those that no webhook wanted
    deliveries: int

    def count(self, tally: Tally) -> None:
        tally.add(metrics.EVENTS_FILTERED, by=self.filtered)
        tally.add(metrics.DELIVERIES_CREATED, by=self.deliveries)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionChanged(Fact):
    connection: str
    status: str
    was: str = ""
    error: str = ""
    explanation: str = ""
    offline_s: float | None = None
    reconnects: int | None = None

    def count(self, tally: Tally) -> None:
        tally.add(metrics.CONNECTION_CHANGES, self.connection, self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsLost(Fact):
    """The buffer between a socket and Redis overflowed while Redis was away."""

    level: ClassVar[Level] = Level.ERROR
    connection: str
    events: int

    def count(self, tally: Tally) -> None:
        tally.add(metrics.EVENTS_LOST, self.connection, by=self.events)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookFailing(Fact):
    level: ClassVar[Level] = Level.WARNING
    webhook: str
    failing_s: float
    deliveries: int

    def count(self, tally: Tally) -> None:
        tally.add(metrics.WEBHOOK_WARNINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDisabled(Fact):
    level: ClassVar[Level] = Level.WARNING
    webhook: str
    reason: str

    def count(self, tally: Tally) -> None:
        tally.add(metrics.WEBHOOKS_DISABLED, self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableFilter(Fact):
    level: ClassVar[Level] = Level.ERROR
    webhook: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventUnreadable(Fact):
    """What is kept of an event cannot be read: it goes to no webhook."""

    level: ClassVar[Level] = Level.ERROR
    event: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayEnded(Fact):
    replay: str
    webhook: str
    state: str
    looked: int
    resent: int
    made: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AwayNow(Fact):
    """Said once for an outage, by each loop."""

    level: ClassVar[Level] = Level.WARNING
    loop: str
    why: str

    def count(self, tally: Tally) -> None:
        tally.add(metrics.REDIS_OUTAGES, _kind(self.loop))


@dataclass(frozen=True, slots=True, kw_only=True)
class BackAgain(Fact):
    loop: str
    away_s: float

    def count(self, tally: Tally) -> None:
        tally.observe(metrics.REDIS_OUTAGE_S, self.away_s, _kind(self.loop))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopFailed(Fact):
    """A turn of a loop ended in an error that nobody expected: a bug. The loop goes on."""

    level: ClassVar[Level] = Level.ERROR
    loop: str
    error: str
    trace: str = ""

    def count(self, tally: Tally) -> None:
        tally.add(metrics.LOOP_FAILURES, _kind(self.loop))


Reporter = Callable[[Fact], None]


def counting(report: Reporter, tally: Tally) -> Reporter:
    """A reporter that counts each fact in `tally`, then passes it on."""

    def count_and_report(fact: Fact) -> None:
        fact.count(tally)
        report(fact)

    return count_and_report


def _kind(loop: str) -> str:
    """`keeper` for `keeper con_…`: a label for each connection's loop would be too many."""
    return loop.partition(" con_")[0]


class Report:
    """Writes facts of at least `level` to `out`, as JSON or as text."""

    __slots__ = ("_as_json", "_level", "_out")

    def __init__(self, out: TextIO = sys.stderr, *, as_json: bool = False, level: Level = Level.INFO) -> None:
        self._out = out
        self._as_json = as_json
        self._level = level

    def __call__(self, fact: Fact) -> None:
        if fact.level < self._level:
            return
        facts = {
            name: value for name in _names(type(fact)) if (value := getattr(fact, name)) is not None and value != ""
        }
        now = time.time()
        words = _words(type(fact))
        write = _json if self._as_json else _text
        line = write(now, fact.level, fact=words, facts=facts)
        self._out.write(line + "\n")
        self._out.flush()


Value = str | int | float | bool | None

_cache: dict[type[Fact], tuple[str, tuple[str, ...]]] = {}


def _known(kind: type[Fact]) -> tuple[str, tuple[str, ...]]:
    if kind not in _cache:
        name = "".join("_" + letter.lower() if letter.isupper() else letter for letter in kind.__name__).lstrip("_")
        _cache[kind] = (name, tuple(field.name for field in fields(kind)))
    return _cache[kind]


def _words(kind: type[Fact]) -> str:
    return _known(kind)[0]


def _names(kind: type[Fact]) -> tuple[str, ...]:
    return _known(kind)[1]


def _json(now: float, level: Level, *, fact: str, facts: dict[str, Value]) -> str:
    return json.dumps({"at": _iso(now), "level": level.name.lower(), "fact": fact, **facts}, default=str)


def _text(now: float, level: Level, *, fact: str, facts: dict[str, Value]) -> str:
    mark = "" if level <= Level.INFO else f" {level.name}"
    return f"{time.strftime('%H:%M:%S', time.localtime(now))}{mark} {fact} " + " ".join(
        f"{name}={_quoted(value)}" for name, value in facts.items()
    )


def _quoted(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    text = str(value)
    return json.dumps(text) if not text or any(sign in text for sign in ' "=\n\r\t\x1b') else text


def _iso(now: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
