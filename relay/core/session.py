"""What a Slack session says and wants next: a machine without I/O, one for each socket.

Frames and times go in, steps come out; who holds the socket carries them out (slack/line.py). The machine never raises,
whatever Slack sends: frames that are no JSON, `{}`, of unknown kinds or in answer to somebody else's message are
counted in `skipped` or ignored, and the session goes on. Here is what both protocols share: the opening, the pulse, the
renewal before an end. What frames mean is in core/rtm_session.py and core/socket_session.py.

    opening ──hello (or any first frame but an error)──▶ open ──goodbye, migration, old age──▶ leaving
       └──────────── silence, an expired address ────────────┴────────────────────────────────┴─────▶ over
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from relay.core.pulse import Beat, Pulse
from relay.core.webhook import Json

Frame = Mapping[str, Json]


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


class Happened(Struct, frozen=True, kw_only=True, gc=False):
    """Events, in their order; they left Slack at `not_before` or later (the clock of `receive`)."""

    events: list[dict[str, Json]]
    texts: list[bytes]  # of each the frame as it came
    not_before: float


class Handed(Struct, frozen=True, kw_only=True, gc=False):
    """Socket Mode: an envelope that wants an acknowledgement once it is stored."""

    envelope: dict[str, Json]
    text: bytes  # the frame as it came


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


class Session(ABC):
    """One socket. All times are seconds of one steady clock."""

    __slots__ = ("_last_number", "_renew_at", "phase", "pulse", "skipped")

    def __init__(self, pulse: Pulse, *, renew_at: float = float("inf")) -> None:
        self.phase = Phase.OPENING
        self.pulse = pulse
        self.skipped = 0
        self._last_number = 0
        self._renew_at = renew_at

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.phase} heard_at={self.pulse.heard_at:.3f} skipped={self.skipped}>"

    @property
    def heard_at(self) -> float:
        """The last sign of life."""
        return self.pulse.heard_at

    @property
    def due_at(self) -> float:
        """When to call `tick` at the latest."""
        return min(self.pulse.due_at, self._renew_at) if self.phase is Phase.OPEN else self.pulse.due_at

    def tick(self, now: float) -> tuple[Step, ...]:
        """What the time asks for."""
        if self.phase is Phase.OVER:
            return ()
        match self.pulse.beat(now):
            case Beat.DEAD:
                return self._end(End.SILENT)
            case Beat.PING:
                number = self._number()
                self.pulse.asked(number, now)
                return (self._ping(number), *self._renewal(now))
            case Beat.FINE:
                return self._renewal(now)

    def heard(self, now: float) -> None:
        """A frame came, perhaps one without text: a ping, a pong, binary."""
        self.pulse.heard(now)

    @abstractmethod
    def receive(self, texts: Sequence[bytes]) -> list[Step]:
        """What the text frames of one read ask for; behind the end of a session comes nothing."""

    @abstractmethod
    def ponged(self, payload: bytes) -> None:
        """A pong frame of WebSocket's own came."""

    @abstractmethod
    def say(self, frame: Frame, *, awaited: bool) -> tuple[int, bytes]:
        """The number and the text of a frame of ours. `awaited`: its answer comes back as `Answered`."""

    @abstractmethod
    def _ping(self, number: int) -> Step: ...

    def _number(self) -> int:
        self._last_number += 1
        return self._last_number

    def _welcome(self, app: str = "") -> tuple[Step, ...]:
        """Some servers say no hello: any frame that is no refusal shows that we are in."""
        if self.phase is not Phase.OPENING:
            return ()
        self.phase = Phase.OPEN
        return (Greeted(app=app),)

    def _leave(self, why: End) -> tuple[Step, ...]:
        if self.phase is not Phase.OPEN:
            return ()
        self.phase = Phase.LEAVING
        return (Renew(why=why),)

    def _renewal(self, now: float) -> tuple[Step, ...]:
        return self._leave(End.OLD_AGE) if now >= self._renew_at else ()

    def _end(self, why: End) -> tuple[Step, ...]:
        self.phase = Phase.OVER
        return (Over(why=why),)
