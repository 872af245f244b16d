"""Loops that must not die: each survives any outage and any bad record, and can be asked when it last turned.

This is the one place that spawns: a greenlet that ends unexpectedly would tell only stderr.
"""

import random
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import gevent
from gevent import Greenlet
from gevent.event import Event

from relay.core.errors import Away
from relay.report import AwayNow, BackAgain, LoopFailed, Reporter

FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 5.0


class Loop:
    """`turn` again and again until `stop`: it should block or sleep by itself, a few seconds at most.

    A turn that raises Away is tried again after a wait that grows to LONGEST_WAIT_S; an outage is reported once, and
    its end.
    Any other exception is a bug: reported with its trace, and the loop goes on.
    """

    def __init__(self, name: str, turn: Callable[[], None], report: Reporter) -> None:
        self.name = name
        self.last_turn = monotonic()
        self._turn = turn
        self._report = report
        self._stopping = Event()
        self._greenlet: Greenlet[[], None] | None = None
        self._away_since: float | None = None
        self._wait_s = FIRST_WAIT_S

    def __repr__(self) -> str:
        return f"<Loop {self.name}, last turned {monotonic() - self.last_turn:.1f} s ago>"

    def start(self) -> None:
        self._greenlet = gevent.spawn(self._run)

    def stop(self, within_s: float = 0.0) -> None:
        """Let the turn under way end within `within_s`, or end it."""
        self._stopping.set()
        if self._greenlet is not None:
            self._greenlet.join(timeout=within_s)
            self._greenlet.kill()

    def stop_turning(self) -> None:
        """For a turn that was the last."""
        self._stopping.set()

    def stop_when(self, done: Callable[[], bool], within_s: float) -> None:
        """Let it turn on until `done`, `within_s` at most, then stop it."""
        deadline = monotonic() + within_s
        while not done() and monotonic() < deadline:
            gevent.sleep(0.01)
        self.stop()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except Away as away:
                self._went_away(away)
            except Exception as error:  # noqa: BLE001  # a loop must not die
                self._report(LoopFailed(loop=self.name, error=repr(error), trace=traceback.format_exc()))
                self._pause()
            else:
                self._came_back()
            self.last_turn = monotonic()

    def _went_away(self, away: Away) -> None:
        if self._away_since is None:
            self._away_since = monotonic()
            self._report(AwayNow(loop=self.name, why=str(away)))
        self._pause()

    def _came_back(self) -> None:
        self._wait_s = FIRST_WAIT_S
        if self._away_since is not None:
            self._report(BackAgain(loop=self.name, away_s=monotonic() - self._away_since))
            self._away_since = None

    def _pause(self) -> None:
        self._stopping.wait(self._wait_s * random.uniform(0.5, 1.0))
        self._wait_s = min(self._wait_s * 2, LONGEST_WAIT_S)


@contextmanager
def at_most(time_s: float) -> Iterator[None]:
    """Leave the block when its time is up, wherever it waits: an end must not take as long as an outage."""
    timeout = gevent.Timeout.start_new(max(0.001, time_s))
    try:
        yield
    except gevent.Timeout as ended:
        if ended is not timeout:
            raise
    finally:
        timeout.close()


def eventually(name: str, work: Callable[[], None], report: Reporter) -> Loop:
    """Do `work` beside everything else, once, as soon as what it needs is not Away."""

    def turn() -> None:
        work()
        loop.stop_turning()

    loop = Loop(name, turn, report)
    loop.start()
    return loop


def once(name: str, work: Callable[[], None], report: Reporter) -> "Greenlet[[], None]":
    """Do `work` beside everything else, once; an exception is reported."""

    def guarded() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  # nobody else would hear of it
            report(LoopFailed(loop=name, error=repr(error), trace=traceback.format_exc()))

    return gevent.spawn(guarded)
