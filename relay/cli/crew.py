"""`relay worker --processes N`: one parent and N workers.

The parent starts a worker again that ends by itself, passes signals on, and takes its workers with it if it is
killed. What a worker held, its
leases say; the others take it over while it is away.
"""

import os
import signal
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import ClassVar

import gevent
from gevent.subprocess import Popen, TimeoutExpired

from relay.loops import Loop
from relay.report import Fact, Level, Reporter
from relay.store.leash import leashed

HEALTHY_S = 10.0
"""A worker that ends before it has run for so long is started again only after a wait, which doubles."""
LONGEST_WAIT_S = 30.0
LOOK_S = 5.0


class WorkerEnded(Fact, frozen=True, kw_only=True):
    """A worker ended without being asked to; it is started again."""

    level: ClassVar[Level] = Level.ERROR
    pid: int
    status: int  # minus the number of the signal that ended it, if one did
    again_in_s: float


@dataclass(slots=True)
class _Place:
    """One of the N: who works there since when, and how long the next one waits."""

    worker: "Popen[bytes]"
    since: float
    wait_s: float = 0.0


class Crew:
    def __init__(self, count: int, redis: str, report: Reporter) -> None:
        self._env = os.environ | {"WEB_CONCURRENCY": "1", "REDIS_URL": redis, "REDIS_TLS_URL": ""}
        self._report = report
        self._leash = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the crew lives
        self._places = [_Place(self._employ(), monotonic()) for _ in range(count)]
        self._loops = [
            Loop(f"worker {number}", partial(self._watch, place), report) for number, place in enumerate(self._places)
        ]

    @property
    def pids(self) -> list[int]:
        return [place.worker.pid for place in self._places if place.worker.poll() is None]

    def start(self) -> None:
        for loop in self._loops:
            loop.start()

    def stop(self, within_s: float) -> None:
        """Ask each to end in order; whoever has not within `within_s` is ended."""
        for loop in self._loops:
            loop.stop()
        for place in self._places:
            if place.worker.poll() is None:
                place.worker.send_signal(signal.SIGTERM)
        deadline = monotonic() + within_s
        for place in self._places:
            try:
                place.worker.wait(max(0.0, deadline - monotonic()))
            except TimeoutExpired:
                place.worker.kill()
                place.worker.wait()
        self._leash.close()

    def _employ(self) -> "Popen[bytes]":
        fd = self._leash.fileno()
        return Popen(leashed(fd, [sys.executable, "-m", "relay", "worker"]), env=self._env, pass_fds=[fd])

    def _watch(self, place: _Place) -> None:
        try:
            status = place.worker.wait(LOOK_S)
        except TimeoutExpired:
            return
        ran_s = monotonic() - place.since
        place.wait_s = 0.0 if ran_s > HEALTHY_S else min(max(1.0, place.wait_s * 2), LONGEST_WAIT_S)
        self._report(WorkerEnded(pid=place.worker.pid, status=status, again_in_s=place.wait_s))
        gevent.sleep(place.wait_s)
        place.worker, place.since = self._employ(), monotonic()
