"""One Socket Mode socket, as the same kind of machine as core/session.py.

Slack hands over envelopes and wants each acknowledged; until then it keeps them, and hands them over again. A
connection's end is announced (`disconnect`), and then a successor is opened first. Slack documents no text ping here,
so WebSocket's own is used.
"""

from collections.abc import Mapping

from relay.core import json_text
from relay.core.pulse import Beat, Pulse
from relay.core.session import End, Frame, Greeted, Handed, Over, Phase, Ping, Renew, Step
from relay.core.webhook import Json

RENEW_EARLY_S = 60.0
"""Slack says at hello how long a connection is expected to live (`approximate_connection_time`, seconds)."""

OVER = {"link_disabled": End.LINK_DISABLED, "too_many_websockets": End.TOO_MANY}


class SocketSession:
    __slots__ = ("_asked", "_opened_at", "_renew_at", "phase", "pulse", "skipped")

    def __init__(self, *, opened_at: float) -> None:
        self.phase = Phase.OPENING
        self.pulse = Pulse(heard_at=opened_at, proven_at=opened_at)
        self.skipped = 0
        self._asked = 0
        self._opened_at = opened_at
        self._renew_at = float("inf")

    def __repr__(self) -> str:
        return f"<SocketSession {self.phase} heard_at={self.pulse.heard_at:.3f} skipped={self.skipped}>"

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
        renewal = self._leave(End.OLD_AGE) if now >= self._renew_at else ()
        match self.pulse.beat(now):
            case Beat.DEAD:
                return self._end(End.SILENT)
            case Beat.PING:
                self._asked += 1
                self.pulse.asked(self._asked, now)
                return (Ping(payload=b"%d" % self._asked), *renewal)
            case Beat.FINE:
                return renewal

    def heard(self, now: float) -> None:
        """A frame came, perhaps one without text: a ping, a pong, binary."""
        self.pulse.heard(now)

    def ponged(self, payload: bytes) -> None:
        """Our ping was answered."""
        if payload.isdigit() and len(payload) < 10:
            self.pulse.answered(int(payload))

    def say(self, frame: Frame, *, awaited: bool) -> tuple[int, bytes]:  # noqa: ARG002  # nothing is answered here
        """The text of a frame of ours; nothing but acknowledgements is ever said in Socket Mode."""
        return 0, json_text.write(dict(frame))

    def receive(self, text: bytes) -> tuple[Step, ...]:
        """What one text frame asks for."""
        try:
            frame = json_text.read(text)
        except json_text.NotJson:
            frame = None
        if not isinstance(frame, dict):
            self.skipped += 1
            return ()
        if isinstance(frame.get("envelope_id"), str) and isinstance(frame.get("type"), str):
            return (*self._welcome(""), Handed(envelope=frame))
        match frame.get("type"):
            case "hello":
                return self._hello(frame)
            case "disconnect":
                return self._disconnect(frame.get("reason"))
            case _:
                return ()

    def _hello(self, frame: Mapping[str, Json]) -> tuple[Step, ...]:
        origin, about = frame.get("connection_info"), frame.get("debug_info")
        app = origin.get("app_id") if isinstance(origin, dict) else None
        life_s = about.get("approximate_connection_time") if isinstance(about, dict) else None
        if isinstance(life_s, int) and life_s > 2 * RENEW_EARLY_S:
            self._renew_at = self._opened_at + life_s - RENEW_EARLY_S
        return self._welcome(app if isinstance(app, str) else "")

    def _disconnect(self, reason: Json) -> tuple[Step, ...]:
        """`warning` and `refresh_requested` are in the documentation; a reason that is not means the same."""
        if isinstance(reason, str) and reason in OVER:
            return self._end(OVER[reason])
        return (*self._welcome(""), *self._leave(End.REFRESH))

    def _welcome(self, app: str) -> tuple[Step, ...]:
        if self.phase is not Phase.OPENING:
            return ()
        self.phase = Phase.OPEN
        return (Greeted(app=app),)

    def _leave(self, why: End) -> tuple[Step, ...]:
        if self.phase is not Phase.OPEN:
            return ()
        self.phase = Phase.LEAVING
        return (Renew(why=why),)

    def _end(self, why: End) -> tuple[Step, ...]:
        self.phase = Phase.OVER
        return (Over(why=why),)
