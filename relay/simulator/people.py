"""The people of the workspace, talking at a rate: one loop, which keeps the rate over the whole time."""

from collections.abc import Callable
from time import monotonic

import gevent
from gevent.event import Event as Signal

from relay.loops import Loop
from relay.report import Reporter

TICK_S = 0.005
"""At high rates events go out in bursts, so far apart."""

LONGEST_SLEEP_S = 5.0


class People:
    """`happen` lets one event happen."""

    def __init__(self, happen: Callable[[], object], report: Reporter) -> None:
        self._happen = happen
        self._report = report
        self._rate = 0.0
        self._since = 0.0
        self._done = 0
        self._awake = Signal()
        self._loop: Loop | None = None

    @property
    def rate(self) -> float:
        """Events a second."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._rate, self._since, self._done = rate, monotonic(), 0
        if rate > 0:
            self._awake.set()
        else:
            self._awake.clear()

    def start(self) -> None:
        self.rate = self._rate
        self._loop = Loop("simulated people", self._turn, self._report)
        self._loop.start()

    def stop(self) -> None:
        if self._loop is not None:
            self._loop.stop()

    def _turn(self) -> None:
        if not self._awake.wait(LONGEST_SLEEP_S):
            return
        due = int((monotonic() - self._since) * self._rate)
        while self._done < due:
            self._done += 1
            self._happen()
        if self._rate > 0:
            next_in_s = (self._done + 1) / self._rate - (monotonic() - self._since)
            gevent.sleep(min(LONGEST_SLEEP_S, max(TICK_S, next_in_s)))
