"""What Slack answers on one RTM connection: rules without a socket (slack-wire.md, 2.2 and 2.4)."""

from msgspec import Struct

from relay.core import json_text
from relay.core.webhook import Json
from relay.simulator import shapes
from relay.simulator.stamps import Stamps
from relay.simulator.tickets import Ticket
from relay.simulator.workspace import Event, Workspace

FRAME_LIMIT_BYTES = 16 * 1024
BURST_MESSAGES = 10  # Slack: one a second, short bursts tolerated
TOLERATED_EXCESSES = 20
NO_TEXT, TOO_FAST, NO_CHANNEL = 2, -1, 3  # error codes; the third is a guess, Slack documents none


class Reaction(Struct, frozen=True, kw_only=True):
    replies: tuple[Event, ...] = ()  # to this connection
    events: tuple[Event, ...] = ()  # to all of them
    drop: bool = False  # the connection is closed


NOTHING = Reaction()


class RtmSession:
    """`presences` is the workspace's: user id → `active` or `away`."""

    def __init__(self, workspace: Workspace, ticket: Ticket, *, stamps: Stamps, presences: dict[str, str]) -> None:
        self._workspace = workspace
        self._stamps = stamps
        self._presences = presences
        self._batch = ticket.batch_presence_aware
        self._by_subscription = ticket.presence_by_subscription
        self._subscribed: frozenset[str] = frozenset()
        self._allowance = float(BURST_MESSAGES)
        self._allowed_at = 0.0
        self._excesses = 0

    def react(self, frame: str | bytes, now: float) -> Reaction:
        """`now` in Unix seconds."""
        if len(frame) > FRAME_LIMIT_BYTES:
            return Reaction(drop=True)
        said = _read(frame)
        match said.get("type"):
            case "ping":
                return Reaction(replies=(_pong(said),))
            case "message":
                return self._post(said, now)
            case "typing":
                channel = str(said.get("channel", ""))
                return Reaction(events=(shapes.typing(channel, self._workspace.bot_user),))
            case "presence_sub":
                self._subscribed = _ids(said)
                return Reaction(replies=self._present(self._subscribed))
            case "presence_query":
                return Reaction(replies=self._present(_ids(said)))
        return NOTHING

    def presence_for_me(self, event: Event) -> Event | None:
        """A `presence_change` in the form that this connection wants, or None if it does not."""
        user = str(event.get("user", ""))
        if self._by_subscription and user not in self._subscribed:
            return None
        return self._presence((user,), str(event.get("presence", "active")))

    def _post(self, said: Event, now: float) -> Reaction:
        reply_to, channel, text = said.get("id"), str(said.get("channel", "")), said.get("text")
        if not self._may_post(now):
            self._excesses += 1
            slow_down = _failed(reply_to, TOO_FAST, "slow down, too many messages...")
            return Reaction(replies=(slow_down,), drop=self._excesses > TOLERATED_EXCESSES)
        if not isinstance(text, str) or not text:
            return Reaction(replies=(_failed(reply_to, NO_TEXT, "message text is missing"),))
        if self._workspace.channel(channel) is None:
            return Reaction(replies=(_failed(reply_to, NO_CHANNEL, "channel not found"),))
        ts = self._stamps.next(now)
        extra: Event = {"thread_ts": said["thread_ts"]} if "thread_ts" in said else {}
        event = shapes.bot_message(self._workspace, channel=channel, text=text, ts=ts, extra=extra)
        return Reaction(replies=({"ok": True, "reply_to": reply_to, "ts": ts, "text": text},), events=(event,))

    def _may_post(self, now: float) -> bool:
        self._allowance = min(float(BURST_MESSAGES), self._allowance + max(0.0, now - self._allowed_at))
        self._allowed_at = now
        if self._allowance < 1.0:
            return False
        self._allowance -= 1.0
        return True

    def _present(self, ids: frozenset[str]) -> tuple[Event, ...]:
        if not self._batch:
            return tuple(self._presence((user,), self._presences.get(user, "away")) for user in sorted(ids))
        by_state: dict[str, list[str]] = {}
        for user in sorted(ids):
            by_state.setdefault(self._presences.get(user, "away"), []).append(user)
        return tuple(self._presence(tuple(users), state) for state, users in by_state.items())

    def _presence(self, users: tuple[str, ...], state: str) -> Event:
        if self._batch:
            return {"type": "presence_change", "users": list(users), "presence": state}
        return shapes.presence(users[0], state)


def _read(frame: str | bytes) -> Event:
    """What the client said, or nothing: Slack overlooks what it can't read."""
    try:
        said = json_text.read(frame.encode() if isinstance(frame, str) else frame)
    except json_text.NotJson:
        return {}
    return said if isinstance(said, dict) else {}


def _pong(ping: Event) -> Event:
    """Echoes all flat scalars that came with the ping."""
    extras = {
        key: value for key, value in ping.items() if key not in ("id", "type") and not isinstance(value, dict | list)
    }
    pong: Event = {"type": "pong", **extras}
    return pong | {"reply_to": ping["id"]} if "id" in ping else pong


def _failed(reply_to: Json, code: int, msg: str) -> Event:
    return {"ok": False, "reply_to": reply_to, "error": {"code": code, "msg": msg}}


def _ids(said: Event) -> frozenset[str]:
    ids = said.get("ids")
    return frozenset(str(user) for user in ids) if isinstance(ids, list) else frozenset()
