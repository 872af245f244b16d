"""What a Slack session says and wants next: a machine without I/O, one for each socket.

Frames and times go in, steps come out; who holds the socket carries them out (slack/line.py). The machine never raises,
whatever Slack sends: frames that are no JSON, `{}`, of unknown kinds or in answer to somebody else's message are
counted in `skipped` or ignored, and the session goes on. RTM is here; core/socket_session.py speaks Socket Mode with
the same steps.

    opening ──hello (or any first frame but an error)──▶ open ──goodbye, migration, old age──▶ leaving
       └──────────── silence, an expired address ────────────┴────────────────────────────────┴─────▶ over
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from relay.core import json_text
from relay.core.pulse import Beat, Pulse
from relay.core.webhook import Json

Frame = Mapping[str, Json]

RENEW_AFTER_S = 7.5 * 3600.0
"""Slack ends a connection after 8 hours; ours is renewed before, when it suits us."""

FRAME_LIMIT_BYTES = 16 * 1024
"""Slack drops a connection that sends more in one frame."""


class Phase(StrEnum):
    OPENING = "opening"
    OPEN = "open"
    LEAVING = "leaving"
    OVER = "over"


class End(StrEnum):
    """Why a socket is of no more use, or soon won't be."""

    SILENT = "silent"
    URL_EXPIRED = "url_expired"
    GOODBYE = "goodbye"
    MIGRATION = "migration_in_progress"
    OLD_AGE = "old_age"
    REFRESH = "refresh_requested"
    LINK_DISABLED = "link_disabled"
    TOO_MANY = "too_many_websockets"
    CLOSED = "closed"


class Say(Struct, frozen=True, kw_only=True):
    """Send this text."""

    text: bytes


class Ping(Struct, frozen=True, kw_only=True):
    """Send a ping frame of WebSocket's own."""

    payload: bytes


class Greeted(Struct, frozen=True, kw_only=True):
    """Slack took us in; events follow."""

    app: str = ""


class Happened(Struct, frozen=True, kw_only=True):
    """An event; it left Slack at `not_before` or later (the clock of `receive`)."""

    event: Frame
    not_before: float


class Handed(Struct, frozen=True, kw_only=True):
    """Socket Mode: an envelope that wants an acknowledgement once it is stored."""

    envelope: Frame


class Answered(Struct, frozen=True, kw_only=True):
    """Slack answered the frame that we sent as `number`."""

    number: int
    answer: Frame


class Renew(Struct, frozen=True, kw_only=True):
    """Open a new socket before this one is let go."""

    why: End


class Over(Struct, frozen=True, kw_only=True):
    """Cut this socket, hard."""

    why: End


Step: TypeAlias = Say | Ping | Greeted | Happened | Handed | Answered | Renew | Over

IGNORED = frozenset({"pong", "reconnect_url", "presence_sub", "presence_query", "ping"})
"""Control frames that ask nothing of us; like all control frames they never become events."""


class RtmSession:
    """One RTM socket. `asked_at`: when rtm.connect was called; the first frames may hold events from then on."""

    __slots__ = ("_awaited", "_last_number", "_renew_at", "phase", "pulse", "skipped")

    def __init__(self, *, asked_at: float, opened_at: float, dice: float = 0.0) -> None:
        self.phase = Phase.OPENING
        self.pulse = Pulse(heard_at=opened_at, proven_at=asked_at)
        self.skipped = 0
        self._last_number = 0
        self._awaited: set[int] = set()
        self._renew_at = opened_at + RENEW_AFTER_S * (1 - dice / 10)

    def __repr__(self) -> str:
        return f"<RtmSession {self.phase} heard_at={self.pulse.heard_at:.3f} skipped={self.skipped}>"

    @property
    def heard_at(self) -> float:
        """The last sign of life."""
        return self.pulse.heard_at

    @property
    def due_at(self) -> float:
        """When to call `tick` at the latest."""
        return min(self.pulse.due_at, self._renew_at) if self.phase is not Phase.LEAVING else self.pulse.due_at

    def tick(self, now: float) -> tuple[Step, ...]:
        """What the time asks for."""
        if self.phase is Phase.OVER:
            return ()
        match self.pulse.beat(now):
            case Beat.DEAD:
                self.phase = Phase.OVER
                return (Over(why=End.SILENT),)
            case Beat.PING:
                number = self._number()
                self.pulse.asked(number, now)
                return (Say(text=json_text.write({"id": number, "type": "ping"})), *self._renewal(now))
            case Beat.FINE:
                return self._renewal(now)

    def heard(self, now: float) -> None:
        """A frame came, perhaps one without text: a ping, a pong, binary."""
        self.pulse.heard(now)

    def ponged(self, payload: bytes) -> None:
        """A pong frame of WebSocket's own; RTM's pings are text."""

    def receive(self, text: bytes) -> tuple[Step, ...]:
        """What one text frame asks for."""
        try:
            frame = json_text.read(text)
        except json_text.NotJson:
            frame = None
        if not isinstance(frame, dict):
            self.skipped += 1
            return ()
        if "reply_to" in frame:
            return (*self._welcome(), *self._reply(frame))
        match frame.get("type"):
            case "error":
                return self._error()
            case "hello":
                return self._welcome()
            case "goodbye":
                return (*self._welcome(), *self._leave(End.GOODBYE))
            case "team_migration_started":
                return (*self._welcome(), *self._leave(End.MIGRATION))
            case str(kind) if kind and kind not in IGNORED:
                return (*self._welcome(), Happened(event=frame, not_before=self.pulse.proven_at))
            case _:
                return ()

    def say(self, frame: Frame, *, awaited: bool) -> tuple[int, bytes]:
        """The number and the text of a frame of ours. `awaited`: its answer comes back as `Answered`."""
        number = self._number()
        if awaited:
            self._awaited.add(number)
        return number, json_text.write_short({"id": number, **frame})

    def _number(self) -> int:
        self._last_number += 1
        return self._last_number

    def _welcome(self) -> tuple[Step, ...]:
        """Some servers say no hello: any frame but an error shows that we are in."""
        if self.phase is not Phase.OPENING:
            return ()
        self.phase = Phase.OPEN
        return (Greeted(),)

    def _leave(self, why: End) -> tuple[Step, ...]:
        if self.phase is not Phase.OPEN:
            return ()
        self.phase = Phase.LEAVING
        return (Renew(why=why),)

    def _renewal(self, now: float) -> tuple[Step, ...]:
        return self._leave(End.OLD_AGE) if now >= self._renew_at else ()

    def _reply(self, frame: Frame) -> tuple[Step, ...]:
        """Replies to what another process, or an earlier socket, has sent are not for us (slack-wire.md, 2.1)."""
        number = frame["reply_to"]
        if not isinstance(number, int):
            return ()
        if frame.get("type") == "pong":
            self.pulse.answered(number)
        elif number in self._awaited and frame.get("type") is None:
            self._awaited.discard(number)
            return (Answered(number=number, answer=frame),)
        return ()

    def _error(self) -> tuple[Step, ...]:
        """Before hello it is the end: the address has expired. Later it is about a frame of ours, and the session
        goes on."""
        if self.phase is not Phase.OPENING:
            return ()
        self.phase = Phase.OVER
        return (Over(why=End.URL_EXPIRED),)
