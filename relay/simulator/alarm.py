"""Things to do later: one loop that sleeps until the next of them is due."""

import heapq
import itertools
from collections.abc import Callable
from time import monotonic

from gevent.event import Event as Signal

from relay.loops import Loop
from relay.report import Reporter

LONGEST_SLEEP_S = 5.0

Deed = Callable[[], None]


class Alarm:
    def __init__(self, report: Reporter) -> None:
        self._due: list[tuple[float, int, Deed]] = []
        self._order = itertools.count()  # of those that are due at the same moment
        self._changed = Signal()
        self._report = report
        self._loop: Loop | None = None

    def after(self, wait_s: float, deed: Deed) -> None:
        heapq.heappush(self._due, (monotonic() + wait_s, next(self._order), deed))
        self._changed.set()

    def start(self) -> None:
        self._loop = Loop("simulator alarm", self._turn, self._report)
        self._loop.start()

    def stop(self) -> None:
        self._due.clear()
        if self._loop is not None:
            self._loop.stop()

    def _turn(self) -> None:
        self._changed.clear()
        wait_s = self._due[0][0] - monotonic() if self._due else LONGEST_SLEEP_S
        if wait_s > 0:
            self._changed.wait(min(wait_s, LONGEST_SLEEP_S))
        else:
            heapq.heappop(self._due)[2]()
