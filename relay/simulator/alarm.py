"""Things to do later: one greenlet that sleeps until the next of them is due."""

import heapq
import itertools
from collections.abc import Callable
from time import monotonic

import gevent
from gevent.event import Event as Signal

Deed = Callable[[], None]


class Alarm:
    def __init__(self) -> None:
        self._due: list[tuple[float, int, Deed]] = []
        self._order = itertools.count()  # of those that are due at the same moment
        self._changed = Signal()
        self._keeper: gevent.Greenlet[[], None] | None = None

    def after(self, wait_s: float, deed: Deed) -> None:
        heapq.heappush(self._due, (monotonic() + wait_s, next(self._order), deed))
        self._changed.set()

    def start(self) -> None:
        self._keeper = gevent.spawn(self._keep)

    def stop(self) -> None:
        self._due.clear()
        if self._keeper is not None:
            self._keeper.kill()

    def _keep(self) -> None:
        while True:
            self._changed.clear()
            wait_s = self._due[0][0] - monotonic() if self._due else None
            if wait_s is None or wait_s > 0:
                self._changed.wait(wait_s)
            else:
                heapq.heappop(self._due)[2]()
