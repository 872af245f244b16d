"""Keeps one connection alive: carries out the orders of core/upkeep.py, and says how it stands.

One loop waits for notes from the lines, or for the time of the next try; what it decides, the machine decides.
"""

import random
from dataclasses import dataclass
from time import monotonic, time
from typing import Protocol

from gevent import Greenlet
from gevent.queue import Empty, SimpleQueue

from relay.core.connection import Connection, ConnectionState, ConnectionStatus
from relay.core.envelope import Envelope
from relay.core.ids import ConnectionId
from relay.core.own_event import connection_down, connection_up
from relay.core.rtm_event import Identity
from relay.core.upkeep import Back, Down, Gone, LetGo, Note, Open, Order, Refused, Up, Upkeep
from relay.loops import Loop, once
from relay.report import ConnectionChanged, Reporter
from relay.slack.dialect import Dialect
from relay.slack.inbox import Arrival, Inbox
from relay.slack.line import Line, TellNote
from relay.store.errors import StoreAway

TURN_S = 60.0
"""Without a note; a keeper has nothing to do but to wait for one."""
SAVE_AGAIN_S = 2.0


class States(Protocol):
    def save(self, id: ConnectionId, state: ConnectionState) -> None:
        """Raises StoreAway."""


class MakeLine(Protocol):
    def __call__(self, connection: Connection, dialect: Dialect, *, number: int, tell: TellNote) -> Line: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a keeper works with; the same for all."""

    inbox: Inbox
    states: States
    report: Reporter
    line: MakeLine


class _Renew:
    """A note from outside: open a new socket now."""


class _Wake:
    """A note from outside: look up."""


class Keeper:
    def __init__(self, connection: Connection, dialect: Dialect, means: Means) -> None:
        self.connection = connection
        self._dialect = dialect
        self._means = means
        self._notes: SimpleQueue[Note | _Renew | _Wake] = SimpleQueue()
        self._upkeep = Upkeep(monotonic())
        self._lines: dict[int, tuple[Line, Greenlet[[], None]]] = {}
        self._identity = Identity()
        self._state: ConnectionState | None = None
        self._is_saved = True
        self._loop = Loop(f"keeper {connection.id}", self._turn, means.report)

    def __repr__(self) -> str:
        return f"<Keeper {self.connection.id} {self._upkeep!r}>"

    def start(self) -> None:
        self._say()
        self._loop.start()

    def stop(self, status: ConnectionStatus | None = None) -> None:
        """End all its lines. `status`: what to leave behind, if anything. Raises StoreAway."""
        self._notes.put(_Wake())
        self._loop.stop()
        for _, greenlet in self._lines.values():
            greenlet.kill()
        if status is not None and self._state is not None:
            state = ConnectionState(
                status=status,
                since=time(),
                reconnects=self._upkeep.reconnects,
                offline_s=self._upkeep.offline_s,
                team=self._identity.team,
                bot_user=self._identity.bot_user,
            )
            self._tell_change(state)
            self._means.states.save(self.connection.id, state)

    def renew(self) -> None:
        """Open a new socket now, and let the old one go when it is up."""
        self._notes.put(_Renew())

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
        self._say()
        self._save()

    def _next_note(self) -> Note | _Renew | _Wake | None:
        due_at = self._upkeep.due_at
        wait_s = TURN_S if self._is_saved else SAVE_AGAIN_S
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

    def _carry_out(self, order: Order) -> None:
        match order:
            case Open(line=number):
                line = self._means.line(self.connection, self._dialect, number=number, tell=self._notes.put)
                self._lines[number] = (line, once(repr(line), line.run, self._means.report))
            case LetGo(line=number):
                if number in self._lines:
                    self._lines[number][0].let_go()
            case Down(since=since, complaint=complaint):
                now = time()
                self._publish(
                    connection_down(
                        self.connection.id,
                        self.connection.name,
                        error=complaint.word,
                        now=now,
                        since=now - (monotonic() - since),
                        team=self._identity.team,
                    )
                )
            case Back(gap_s=gap_s):
                self._publish(
                    connection_up(
                        self.connection.id, self.connection.name, gap_s=gap_s, now=time(), team=self._identity.team
                    )
                )

    def _publish(self, envelope: Envelope) -> None:
        self._means.inbox.put(Arrival(source=self.connection.id, envelopes=(envelope,), size_bytes=len(envelope.body)))

    def _say(self) -> None:
        """Note how it stands, and report it if it has changed."""
        upkeep, complaint, was = self._upkeep, self._upkeep.complaint, self._state
        state = ConnectionState(
            status=upkeep.status,
            since=was.since if was is not None and was.status is upkeep.status else time(),
            error=complaint.word if complaint else "",
            explanation=complaint.sentence if complaint else "",
            reconnects=upkeep.reconnects,
            offline_s=round(upkeep.offline_s, 3),
            team=self._identity.team,
            bot_user=self._identity.bot_user,
        )
        if state == was:
            return
        if was is None or (state.status, state.error) != (was.status, was.error):
            self._tell_change(state)
        self._state = state
        self._is_saved = False

    def _tell_change(self, state: ConnectionState) -> None:
        was = self._state
        self._means.report(
            ConnectionChanged(
                connection=self.connection.id,
                status=state.status,
                was=was.status if was is not None else "",
                error=state.error,
                explanation=state.explanation,
                offline_s=state.offline_s or None,
                reconnects=state.reconnects or None,
            )
        )

    def _save(self) -> None:
        """Redis may be away, and Slack must not wait for it: then it is tried again at the next turn."""
        if self._is_saved or self._state is None:
            return
        try:
            self._means.states.save(self.connection.id, self._state)
        except StoreAway:
            return
        self._is_saved = True
