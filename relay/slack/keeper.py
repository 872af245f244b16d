"""Keeps one connection alive: carries out the orders of core/upkeep.py, and says how it stands.

One loop waits for notes from the lines, or for the time of the next try; what it decides, the machine decides.
"""

import random
from time import monotonic, time
from typing import Protocol

from gevent import Greenlet
from gevent.queue import Empty, SimpleQueue
from msgspec import Struct

from relay.core.connection import Connection
from relay.core.rtm_event import Identity
from relay.core.upkeep import Deaf, Gone, Hears, LetGo, Note, Open, Order, Refused, Up, Upkeep
from relay.loops import Loop, once
from relay.report import Reporter
from relay.slack.dialect import Dialect
from relay.slack.line import Line, TellNote
from relay.slack.spokesman import Spokesman

TURN_S = 60.0
"""Without a note; a keeper has nothing to do but to wait for one."""
SAY_AGAIN_S = 2.0
"""What could not be told, because Redis was away."""


class MakeLine(Protocol):
    def __call__(self, connection: Connection, dialect: Dialect, *, number: int, tell: TellNote) -> Line: ...


class _Renew(Struct, frozen=True):
    """A note from outside: open a new socket now."""


class _Wake(Struct, frozen=True):
    """A note from outside: look up."""


class Keeper:
    def __init__(
        self, connection: Connection, dialect: Dialect, *, line: MakeLine, spokesman: Spokesman, report: Reporter
    ) -> None:
        self.connection = connection
        self._dialect = dialect
        self._make_line = line
        self._spokesman = spokesman
        self._report = report
        self._notes: SimpleQueue[Note | _Renew | _Wake] = SimpleQueue()
        self._upkeep = Upkeep(monotonic())
        self._lines: dict[int, tuple[Line, Greenlet[[], None]]] = {}
        self._identity = Identity()
        self._loop = Loop(f"keeper {connection.id}", self._turn, report)

    def __repr__(self) -> str:
        return f"<Keeper {self.connection.id} {self._upkeep!r}>"

    @property
    def is_up(self) -> bool:
        return any(line.is_up for line in self.lines)

    @property
    def lines(self) -> list[Line]:
        """Newest first."""
        return [line for line, _ in reversed(self._lines.values())]

    def start(self) -> None:
        self._loop.start()

    def stop(self, *, paused: bool = False) -> None:
        """End all its lines."""
        self._notes.put(_Wake())
        self._loop.stop()
        for _, greenlet in self._lines.values():
            greenlet.kill()
        self._spokesman.ends(paused=paused)

    def renew(self) -> None:
        """Open a new socket now, and let the old one go when it is up."""
        self._notes.put(_Renew())

    def follow(self, connection: Connection) -> None:
        """Its record has changed in what needs no new socket."""
        self.connection = connection
        for frame in self._dialect.follow(connection):
            for line in self.lines:
                line.say(frame)

    def _turn(self) -> None:
        note = self._next_note()
        now = monotonic()
        match note:
            case None | _Wake():
                orders: tuple[Order, ...] = ()
            case _Renew():
                orders = self._upkeep.renew(now)
            case _:
                self._learn(note)
                orders = self._upkeep.note(note, now, dice=random.random())  # spreads load, hides nothing
        for order in (*orders, *self._upkeep.tick(now)):
            self._carry_out(order)
        self._spokesman.stands(self._upkeep.status, self._upkeep.complaint, self._identity)
        self._spokesman.speak()

    def _next_note(self) -> Note | _Renew | _Wake | None:
        due_at = self._upkeep.due_at
        wait_s = SAY_AGAIN_S if self._spokesman.has_more_to_say else TURN_S
        if due_at is not None:
            wait_s = min(wait_s, due_at - monotonic())
        try:
            return self._notes.get(timeout=wait_s) if wait_s > 0 else self._notes.get_nowait()
        except Empty:
            return None

    def _learn(self, note: Note) -> None:
        match note:
            case Up():
                self._identity = self._lines[note.line][0].identity
            case Refused() | Gone():
                self._lines.pop(note.line, None)
            case _:
                pass

    def _carry_out(self, order: Order) -> None:
        match order:
            case Open(line=number):
                line = self._make_line(self.connection, self._dialect, number=number, tell=self._notes.put)
                self._lines[number] = (line, once(repr(line), line.run, self._report))
            case LetGo(line=number):
                if number in self._lines:
                    self._lines[number][0].let_go()
            case Deaf(since=since):
                self._spokesman.deaf(time() - (monotonic() - since))
            case Hears(again=again):
                self._spokesman.hears(time(), again=again)
