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
from enum import IntEnum
from functools import cache, lru_cache
from typing import ClassVar, TextIO

import msgspec
from msgspec import Struct

from relay.core import metrics
from relay.core.tally import Tally


class Level(IntEnum):
    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


class Fact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    level: ClassVar[Level] = Level.INFO

    def count(self, tally: Tally) -> None:
        """Add to the metrics: nothing, unless the fact says otherwise."""


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
    connection: str
    status: str
    was: str = ""
    error: str = ""
    explanation: str = ""
    offline_s: float | None = None
    reconnects: int | None = None

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
    """Writes facts of at least `level` to `out`, as JSON or as text.

    `later` calls what it is given before the process waits again: what is told until then is written in one go.
    Warnings and worse are written at once.
    """

    __slots__ = ("_as_json", "_later", "_level", "_lines", "_out")

    def __init__(
        self,
        out: TextIO = sys.stderr,
        *,
        as_json: bool = False,
        level: Level = Level.INFO,
        later: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        self._out = out
        self._as_json = as_json
        self._level = level
        self._later = later
        self._lines: list[str] = []

    def __call__(self, fact: Fact) -> None:
        if fact.level < self._level:
            return
        write = _json if self._as_json else _text
        self._lines.append(write(time.time(), fact))
        if self._later is None or fact.level >= Level.WARNING:
            self.flush()
        elif len(self._lines) == 1:
            self._later(self.flush)

    def flush(self) -> None:
        """Write what waits."""
        lines, self._lines = self._lines, []
        if lines:
            self._out.write("\n".join([*lines, ""]))
            self._out.flush()


Value = str | int | float | bool | None


def _json(now: float, fact: Fact) -> str:
    head = f'{{"at":"{_iso(now)}","level":"{fact.level.name.lower()}","fact":"{_words(type(fact))}"'
    try:
        fields = msgspec.json.encode(fact).decode()
    except UnicodeEncodeError:  # half a surrogate pair, out of a foreign error's text
        fields = json.dumps(_known(fact), default=str)
    return head + "}" if fields == "{}" else f"{head},{fields[1:]}"


def _text(now: float, fact: Fact) -> str:
    mark = "" if fact.level <= Level.INFO else f" {fact.level.name}"
    return f"{time.strftime('%H:%M:%S', time.localtime(now))}{mark} {_words(type(fact))} " + " ".join(
        f"{name}={_quoted(value)}" for name, value in _known(fact).items()
    )


def _known(fact: Fact) -> dict[str, Value]:
    """Its fields, without those that are absent or empty."""
    known = {name: getattr(fact, name) for name in fact.__struct_fields__}
    return {name: value for name, value in known.items() if value is not None and value != ""}


@cache
def _words(kind: type[Fact]) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in kind.__name__).lstrip("_")


def _quoted(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    text = str(value)
    return json.dumps(text) if not text or any(sign in text for sign in ' "=\n\r\t\x1b') else text


def _iso(now: float) -> str:
    return f"{_second(int(now))}.{int(now % 1 * 1000):03d}Z"


@lru_cache(maxsize=1)
def _second(now: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
