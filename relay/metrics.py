"""What this process has counted, told to Redis every few seconds: the sums are there, for whoever asks any process.

Idle, a process tells once in HEARTBEAT_S, so that others know it lives; what it has counted waits FLUSH_S at most.
"""

from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from gevent.event import Event

from relay.core.minutes import Counted
from relay.core.tally import Tally
from relay.loops import Loop, at_most
from relay.report import Reporter
from relay.store.counts import Counts, ProcessRecord
from relay.store.errors import StoreAway

FLUSH_S = 5.0
HEARTBEAT_S = 10.0

Look = Callable[[], ProcessRecord]
"""How the process is doing now."""


class Metrics:
    def __init__(self, tally: Tally, counts: Counts, process: str, *, look: Look, report: Reporter) -> None:
        self._tally = tally
        self._counts = counts
        self._process = process
        self._look = look
        self._number = 0
        self._untold: Counted = {}  # under `_number`: tried, and perhaps added
        self._told_at = float("-inf")
        self._stopping = Event()
        self.loop = Loop("metrics", self._turn, report)

    def __repr__(self) -> str:
        return f"<Metrics of {self._process}, told {self._number} times>"

    def start(self) -> None:
        self.loop.start()

    def stop(self, within_s: float = 1.0) -> None:
        """Tell what is left, and that the process ends; if Redis is away, that is lost."""
        self._stopping.set()
        self.loop.stop(within_s)
        with suppress(StoreAway), at_most(within_s):
            self._tell(None)
            if self._tally:
                self._tell(None)

    def _turn(self) -> None:
        if self._stopping.wait(FLUSH_S if self._told_at > 0 else 0.0):
            return
        if self._untold or self._tally or monotonic() - self._told_at >= HEARTBEAT_S:
            self._tell(self._look())

    def _tell(self, record: ProcessRecord | None) -> None:
        """Raises StoreAway: the same is told again next time, under the same number."""
        if not self._untold:
            self._untold = self._tally.take()
            self._number += 1
        self._counts.tell(self._process, self._number, self._untold, record=record)
        self._untold = {}
        self._told_at = monotonic()
