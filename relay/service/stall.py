"""Does anything hold up everything? One loop that looks how late it wakes.

All greenlets of a process share one thread. One that computes without a pause, or calls what gevent cannot switch away
from, holds up every other: deliveries, sockets, /readyz itself. When it is over, this tells how long it took. If it is
not over after ENDLESS_S, a thread of C's writes to stderr where the process stands: Python could not.
"""

import faulthandler
import sys
from io import UnsupportedOperation
from time import monotonic
from typing import ClassVar

import gevent

from relay.core import metrics
from relay.core.tally import Tally
from relay.loops import Loop
from relay.report import Fact, Level, Reporter

EVERY_S = 1.0
LATE_S = 0.5
ENDLESS_S = 30.0


class Stalled(Fact, frozen=True, kw_only=True):
    """Everything in the process stood still: something computed without a pause, or the machine had no time for it."""

    level: ClassVar[Level] = Level.WARNING
    stalled_s: float

    def count(self, tally: Tally) -> None:
        tally.observe(metrics.STALL_S, self.stalled_s)


class StallWatch:
    def __init__(self, report: Reporter, *, every_s: float = EVERY_S, late_s: float = LATE_S) -> None:
        self._report = report
        self._every_s = every_s
        self._late_s = late_s
        self._loop = Loop("stall watch", self._turn, report)

    def start(self) -> None:
        self._loop.start()

    def stop(self) -> None:
        self._loop.stop()
        faulthandler.cancel_dump_traceback_later()

    def _turn(self) -> None:
        _tell_where_it_stands(after_s=ENDLESS_S)
        due = monotonic() + self._every_s
        gevent.sleep(self._every_s)
        stalled_s = monotonic() - due
        if stalled_s > self._late_s:
            self._report(Stalled(stalled_s=stalled_s))


def _tell_where_it_stands(*, after_s: float) -> None:
    """Unless this is called again before."""
    try:
        faulthandler.dump_traceback_later(after_s, file=sys.stderr)
    except (UnsupportedOperation, ValueError, RuntimeError):
        pass  # stderr is none that C can write to
