"""The relay's own events: callbacks like any other, for webhooks that name them."""

from collections.abc import Mapping
from hashlib import blake2b

from relay.core import json_text
from relay.core.envelope import Envelope
from relay.core.ids import ConnectionId, EventId
from relay.core.rtm_event import EVENT_ID_BYTES
from relay.core.webhook import Json

OWN = "relay"
"""In place of a connection, where events are counted."""

CONNECTION_UP = "relay.connection_up"
CONNECTION_DOWN = "relay.connection_down"


def own_envelope(kind: str, facts: Mapping[str, Json], now: float, *, team: str = "") -> Envelope:
    """In Slack's form, with `facts` in the event. The same facts at the same time are the same event."""
    event: dict[str, Json] = {"type": kind, **facts, "event_ts": f"{now:.6f}"}
    told = json_text.canonical(event)
    event_id = EventId("Ev" + blake2b(told, digest_size=EVENT_ID_BYTES).hexdigest().upper())
    outer: dict[str, Json] = {"team_id": team} if team else {}
    outer |= {"event": event, "type": "event_callback", "event_id": event_id, "event_time": int(now)}
    return Envelope(
        event_id=event_id, connection=None, kind=kind, channel="", received_at=now, body=json_text.write(outer)
    )


def connection_down(
    connection: ConnectionId, name: str, *, error: str, now: float, since: float, team: str = ""
) -> Envelope:
    """Nobody hears Slack since `since`; events from then on may be lost."""
    facts: dict[str, Json] = {"connection": connection, "name": name, "error": error, "since": round(since, 3)}
    return own_envelope(CONNECTION_DOWN, {**facts, "seconds": round(now - since, 3)}, now, team=team)


def connection_up(connection: ConnectionId, name: str, *, gap_s: float, now: float, team: str = "") -> Envelope:
    """Slack is heard again after `gap_s` seconds, whose events RTM does not bring back."""
    return own_envelope(
        CONNECTION_UP, {"connection": connection, "name": name, "seconds": round(gap_s, 3)}, now, team=team
    )
