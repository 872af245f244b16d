"""A rolling restart under traffic, as platforms do it daily: nothing is lost, and nothing comes twice."""

import signal
from contextlib import ExitStack
from typing import Self

from relay.simulator.slack import SimulatedSlack
from relay.store.connections import DEFAULT_RTM, DEFAULT_SOCKET_MODE
from tests.receivers import Receiver
from tests.waiting import until
from tests.whole.program import Program
from tests.whole.scene import environment, register
from tests.whole.steady import Talk, tally

RATE = 100.0
KILLED_AFTER_S = 30.0
"""By a platform, if SIGTERM has not ended it."""


class Formation:
    """One web process and two workers, each of which can be replaced: first it goes, then its successor comes, as on a
    platform that allows no more processes than were ordered.
    """

    def __init__(self, slack: SimulatedSlack, redis_url: str) -> None:
        self._slack = slack
        self._env = environment(slack, redis_url)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.web = self._started("web")
        self.workers = [self._started("worker"), self._started("worker")]
        until(self._all_are_held, saying="both workers hold both connections")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def restart(self) -> None:
        """All of them, one after the other."""
        for place, worker in enumerate(self.workers):
            self._end(worker)
            self.workers[place] = self._started("worker")
            until(self._all_are_held, saying="the successor holds both connections")
        self._end(self.web)
        self.web = self._started("web")

    def _all_are_held(self) -> bool:
        return len(self._slack.lines) == 4

    def _end(self, program: Program) -> None:
        assert program.end(signal.SIGTERM, KILLED_AFTER_S) == 0

    def _started(self, command: str) -> Program:
        program = self._stack.enter_context(Program(command, self._env))
        program.fact("started")
        return program


def test_a_rolling_restart_loses_nothing_and_doubles_nothing(slack: SimulatedSlack, redis_url: str) -> None:
    with Receiver() as rtm, Receiver() as socket_mode, Formation(slack, redis_url) as formation:
        register(formation.web, rtm, DEFAULT_RTM)
        register(formation.web, socket_mode, DEFAULT_SOCKET_MODE)
        with Talk(slack, rate=RATE) as talk:
            socket_mode.wait_for(50)
            rtm.wait_for(50)
            formation.restart()
            socket_mode.wait_for(len(socket_mode.got) + 50)
        said = talk.said
        until(lambda: tally(said, socket_mode.got).lost == 0, saying="all of Socket Mode arrives")
        until(lambda: tally(said, rtm.got).lost == 0, saying="all of RTM arrives")
        assert tally(said, rtm.got).doubled == 0
        assert tally(said, socket_mode.got).doubled == 0
