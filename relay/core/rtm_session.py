"""One RTM socket: every frame is an event, a control frame, or a reply to what was said on it."""

from collections.abc import Sequence
from typing import cast

from relay.core import json_text
from relay.core.pulse import Pulse
from relay.core.session import Answered, End, Frame, Happened, Phase, Say, Session, Step
from relay.core.webhook import Json

RENEW_AFTER_S = 7.5 * 3600.0
"""Slack ends a connection after 8 hours; ours is renewed before, when it suits us."""

FRAME_LIMIT_BYTES = 16 * 1024
"""Slack drops a connection that sends more in one frame."""

IGNORED = frozenset({"pong", "reconnect_url", "presence_sub", "presence_query", "ping"})
"""Control frames that ask nothing of us; like all control frames they never become events."""

NO_EVENTS = IGNORED | {"error", "hello", "goodbye", "team_migration_started", ""}


OPENING = Phase.OPENING  # for the hot path, as in core/envelope.py


class RtmSession(Session):
    """`asked_at`: when rtm.connect was called; the first frames may hold events from then on. `dice`: 0 to 1."""

    __slots__ = ("_awaited",)

    def __init__(self, *, asked_at: float, opened_at: float, dice: float = 0.0) -> None:
        renew_at = opened_at + RENEW_AFTER_S * (1 - dice / 10)
        super().__init__(Pulse(heard_at=opened_at, proven_at=asked_at), renew_at=renew_at)
        self._awaited: set[int] = set()

    def receive(self, texts: Sequence[bytes]) -> list[Step]:
        """Events are one step, up to the next of which we know that it left Slack later."""
        frames = json_text.read_all(texts)
        if self.phase is not OPENING and (events := _all_events(frames)):
            return [Happened(events=events, texts=list(texts), not_before=self.pulse.proven_at)]
        steps: list[Step] = []
        run: Happened | None = None
        for frame, text in zip(frames, texts, strict=True):
            if not isinstance(frame, dict):
                self.skipped += 1
            elif "reply_to" in frame or not isinstance(kind := frame.get("type"), str) or kind in NO_EVENTS:
                steps += self._obey(frame)
                if self.phase is Phase.OVER:
                    break
                if run is not None and run.not_before != self.pulse.proven_at:
                    run = None
            else:
                if run is None:
                    run = Happened(events=[], texts=[], not_before=self.pulse.proven_at)
                    steps += (*self._welcome(), run)
                run.events.append(frame)
                run.texts.append(text)
        return steps

    def ponged(self, payload: bytes) -> None:
        """RTM's pings are text."""

    def say(self, frame: Frame, *, awaited: bool) -> tuple[int, bytes]:
        """The number and the text of a frame of ours. `awaited`: its answer comes back as `Answered`."""
        number = self._number()
        if awaited:
            self._awaited.add(number)
        return number, json_text.write_short({"id": number, **frame})

    def _ping(self, number: int) -> Step:
        return Say(text=json_text.write({"id": number, "type": "ping"}))

    def _obey(self, frame: Frame) -> tuple[Step, ...]:
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
            case _:
                return ()

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
        return self._end(End.URL_EXPIRED) if self.phase is Phase.OPENING else ()


def _all_events(frames: list[Json]) -> list[dict[str, Json]]:
    """The same, if each of them is an event, as nearly always; else nothing."""
    events = cast(list[dict[str, Json]], frames)
    try:
        kinds = {event["type"] if "reply_to" not in event else "" for event in events}
    except (TypeError, KeyError):
        return []
    return [] if kinds & NO_EVENTS or any(not isinstance(kind, str) for kind in kinds) else events
