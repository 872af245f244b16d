"""One Socket Mode socket.

Slack hands over envelopes and wants each acknowledged; until then it keeps them, and hands them over again. A
connection's end is announced (`disconnect`), and then a successor is opened first. Slack documents no text ping here,
so WebSocket's own is used.
"""

from collections.abc import Sequence

from relay.core import json_text
from relay.core.pulse import Pulse
from relay.core.session import End, Frame, Handed, Phase, Ping, Session, Step
from relay.core.webhook import Json

RENEW_EARLY_S = 60.0
"""Slack says at hello how long a connection is expected to live (`approximate_connection_time`, seconds)."""

OVER = {"link_disabled": End.LINK_DISABLED, "too_many_websockets": End.TOO_MANY}


class SocketSession(Session):
    __slots__ = ("_opened_at",)

    def __init__(self, *, opened_at: float) -> None:
        super().__init__(Pulse(heard_at=opened_at, proven_at=opened_at))
        self._opened_at = opened_at

    def receive(self, texts: Sequence[bytes]) -> list[Step]:
        """What Slack hands over comes one by one, for each is acknowledged for itself."""
        steps: list[Step] = []
        for frame, text in zip(json_text.read_all(texts), texts, strict=True):
            if not isinstance(frame, dict):
                self.skipped += 1
                continue
            steps += self._understand(frame, text)
            if self.phase is Phase.OVER:
                break
        return steps

    def ponged(self, payload: bytes) -> None:
        """Our ping was answered."""
        if payload.isdigit() and len(payload) < 10:
            self.pulse.answered(int(payload))

    def say(self, frame: Frame, *, awaited: bool) -> tuple[int, bytes]:  # noqa: ARG002  # nothing is answered here
        """The text of a frame of ours; nothing but acknowledgements is ever said in Socket Mode."""
        return 0, json_text.write(dict(frame))

    def _ping(self, number: int) -> Step:
        return Ping(payload=b"%d" % number)

    def _understand(self, frame: dict[str, Json], text: bytes) -> tuple[Step, ...]:
        if isinstance(frame.get("envelope_id"), str) and isinstance(frame.get("type"), str):
            return (*self._welcome(), Handed(envelope=frame, text=text))
        match frame.get("type"):
            case "hello":
                return self._hello(frame)
            case "disconnect":
                return self._disconnect(frame.get("reason"))
            case _:
                return ()

    def _hello(self, frame: Frame) -> tuple[Step, ...]:
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
        return (*self._welcome(), *self._leave(End.REFRESH))
