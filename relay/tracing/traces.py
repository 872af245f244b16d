"""The queue between who tells spans and who takes them: bounded, and nobody ever waits for it.

A collector that is down or slow costs spans, and one line in the log; never a delivery.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from time import monotonic
from typing import ClassVar, Protocol

from gevent.event import Event

from relay.core import metrics
from relay.core.errors import RelayError
from relay.core.tally import Tally
from relay.core.trace import Span
from relay.loops import Loop, at_most
from relay.report import Fact, Level, Reporter

BATCH = 128
"""Spans at a time: while they are encoded, the process does nothing else (4 ms)."""
QUEUED = 8192
"""What more comes is lost: some 10 MB."""
GATHER_S = 1.0
"""How long the first of a batch waits for others."""
IDLE_S = 5.0


class Unsent(RelayError):
    """The collector did not take them."""


class Send(Protocol):
    def __call__(self, spans: Sequence[Span], /) -> None:
        """Raises Unsent."""

    def close(self) -> None: ...


class SpansLost(Fact, frozen=True, kw_only=True):
    level: ClassVar[Level] = Level.DEBUG
    spans: int

    def count(self, tally: Tally) -> None:
        tally.add(metrics.SPANS_LOST, by=self.spans)


class TracesAway(Fact, frozen=True, kw_only=True):
    """The collector does not take spans: said once for an outage. Deliveries go on, the spans are lost."""

    level: ClassVar[Level] = Level.WARNING
    why: str


class TracesBack(Fact, frozen=True, kw_only=True):
    """It takes them again."""

    away_s: float


class Traces:
    def __init__(self, send: Send, report: Reporter) -> None:
        self._send = send
        self._report = report
        self._spans: deque[Span] = deque()
        self._lost = 0
        self._away_since: float | None = None
        self._came = Event()
        self._full = Event()
        self._loop = Loop("traces", self._turn, report)

    def __repr__(self) -> str:
        return f"<Traces, {len(self._spans)} spans wait>"

    def __call__(self, spans: Iterable[Span]) -> None:
        """Takes them, as far as there is room. Never waits."""
        for span in spans:
            if len(self._spans) < QUEUED:
                self._spans.append(span)
            else:
                self._lost += 1
        self._came.set()
        if len(self._spans) >= BATCH:
            self._full.set()

    def start(self) -> None:
        self._loop.start()

    def stop(self, within_s: float = 1.0) -> None:
        """Send what is left, as far as that is possible within `within_s`."""
        self._loop.stop()
        with suppress(Unsent), at_most(within_s):
            while self._spans:
                self._send(self._batch())
        self._send.close()

    def _turn(self) -> None:
        if not self._spans:
            self._came.clear()
            self._came.wait(IDLE_S)
            return
        self._full.clear()
        if len(self._spans) < BATCH:
            self._full.wait(GATHER_S)
        batch = self._batch()
        try:
            self._send(batch)
        except Unsent as why:
            self._lost += len(batch)
            self._went_away(str(why))
        else:
            self._came_back()
        if self._lost:
            lost, self._lost = self._lost, 0
            self._report(SpansLost(spans=lost))

    def _batch(self) -> list[Span]:
        return [self._spans.popleft() for _ in range(min(BATCH, len(self._spans)))]

    def _went_away(self, why: str) -> None:
        if self._away_since is None:
            self._away_since = monotonic()
            self._report(TracesAway(why=why))

    def _came_back(self) -> None:
        if self._away_since is not None:
            self._report(TracesBack(away_s=monotonic() - self._away_since))
            self._away_since = None
