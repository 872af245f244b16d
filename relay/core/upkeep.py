"""What it takes to keep one connection alive: which sockets to open and to let go, when, and what to say about it.

A socket's life is a line. Lines tell what happens to them (notes); this machine answers with orders, and
slack/keeper.py carries them out. Its rule is make before break: a line that is about to end stays until its successor
is up.

    connecting ──Up──▶ connected ──Gone, no other line──▶ reconnecting ──Up──▶ connected
         └─────────── Refused for good, no line up ──────────┴────────────────▶ failed
"""

from typing import TypeAlias

from msgspec import Struct

from relay.core.backoff import RECONNECT, SLOWLY
from relay.core.complaints import Complaint, Cure
from relay.core.connection import ConnectionStatus

STEADY_S = 30.0
"""A line that lived so long was a good one: the count of failures starts anew."""


class Refused(Struct, frozen=True, kw_only=True):
    """Nothing was opened."""

    line: int
    complaint: Complaint
    retry_after_s: float = 0.0


class Up(Struct, frozen=True, kw_only=True):
    """Slack greeted us."""

    line: int


class Fading(Struct, frozen=True, kw_only=True):
    """It will end soon."""

    line: int


class Gone(Struct, frozen=True, kw_only=True):
    """It ended. `heard_at`: the last sign of life; what happened since then may be lost."""

    line: int
    complaint: Complaint
    heard_at: float


Note: TypeAlias = Refused | Up | Fading | Gone


class Open(Struct, frozen=True, kw_only=True):
    line: int


class LetGo(Struct, frozen=True, kw_only=True):
    line: int


class Deaf(Struct, frozen=True, kw_only=True):
    """None of our lines hears Slack since `since`."""

    since: float


class Hears(Struct, frozen=True, kw_only=True):
    """A line is up. `again`: not the first one."""

    again: bool


Order: TypeAlias = Open | LetGo | Deaf | Hears


class Upkeep:
    """All times are seconds of one steady clock."""

    __slots__ = (
        "_failures",
        "_last_line",
        "_open_at",
        "_opening",
        "_up",
        "complaint",
        "status",
    )

    def __init__(self, now: float) -> None:
        self.status = ConnectionStatus.CONNECTING
        self.complaint: Complaint | None = None
        self._up: dict[int, float] = {}  # line → since when
        self._opening: int | None = None
        self._open_at: float | None = now
        self._failures = 0
        self._last_line = 0

    def __repr__(self) -> str:
        return f"<Upkeep {self.status} up={sorted(self._up)} opening={self._opening} failures={self._failures}>"

    @property
    def due_at(self) -> float | None:
        """When to call `tick`; None while there is nothing to wait for."""
        return self._open_at

    def tick(self, now: float) -> tuple[Order, ...]:
        if self._open_at is None or now < self._open_at:
            return ()
        self._open_at = None
        self._last_line += 1
        self._opening = self._last_line
        return (Open(line=self._opening),)

    def renew(self, now: float) -> tuple[Order, ...]:
        """Somebody asks for a new socket now: what failed for good is tried again, what stands is replaced without a
        gap."""
        self._failures = 0
        if self._opening is None:
            self._open_at = now
        if self.status is ConnectionStatus.FAILED:
            self.status, self.complaint = ConnectionStatus.CONNECTING, None
        return self.tick(now)

    def note(self, note: Note, now: float, *, dice: float) -> tuple[Order, ...]:
        match note:
            case Up():
                return self._is_up(note.line, now)
            case Fading():
                if self._opening is None and self._open_at is None:
                    self._open_at = now
                return self.tick(now)
            case Refused():
                self._opening = None
                return self._lacks_a_line(
                    note.complaint, now, wait_s=self._wait_s(note.complaint, dice, note.retry_after_s)
                )
            case Gone():
                return self._is_gone(note, now, dice)

    def _is_up(self, line: int, now: float) -> tuple[Order, ...]:
        old = tuple(LetGo(line=other) for other in self._up)
        self._up[line] = now
        self._opening = self._open_at = None
        self.status, self.complaint = ConnectionStatus.CONNECTED, None
        return (*old, Hears(again=line > 1))

    def _is_gone(self, note: Gone, now: float, dice: float) -> tuple[Order, ...]:
        up_at = self._up.pop(note.line, None)
        if up_at is not None and now - up_at >= STEADY_S:
            self._failures = 0
        was_to_succeed = note.line == self._opening
        if was_to_succeed:
            self._opening = None
        elif self._up and note.complaint.cure is not Cure.PERSON:
            return ()  # its successor is up
        deaf = (Deaf(since=note.heard_at),) if up_at is not None and not self._up else ()
        return (*deaf, *self._lacks_a_line(note.complaint, now, wait_s=self._wait_s(note.complaint, dice, 0.0)))

    def _lacks_a_line(self, complaint: Complaint, now: float, *, wait_s: float) -> tuple[Order, ...]:
        hopeless = complaint.cure is Cure.PERSON
        if self._opening is None:
            self._open_at = None if hopeless else now + wait_s
        if self._up:
            return ()
        self.complaint = complaint
        if hopeless:
            self.status = ConnectionStatus.FAILED
        elif self.status is ConnectionStatus.CONNECTED:
            self.status = ConnectionStatus.RECONNECTING
        return ()

    def _wait_s(self, complaint: Complaint, dice: float, retry_after_s: float) -> float:
        if retry_after_s:  # a limit says when; to be limited is no failure
            return RECONNECT.wait_s(1, dice=dice, at_least_s=retry_after_s)
        self._failures += 1
        backoff = SLOWLY if complaint.cure is Cure.WAIT_LONG else RECONNECT
        return backoff.wait_s(self._failures, dice=dice, at_least_s=retry_after_s)
