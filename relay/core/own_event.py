"""The relay's own events, in the same envelope as Slack's: `relay.webhook_failing`, `relay.connection_down`, …"""

from collections.abc import Mapping

from relay.core import json_text
from relay.core.envelope import Envelope
from relay.core.ids import ConnectionId, EventId
from relay.core.webhook import Json


def own_event(
    kind: str, facts: Mapping[str, Json], *, event_id: EventId, now: float, connection: ConnectionId | None = None
) -> Envelope:
    """`kind`: with its `relay.`; `facts`: what stands in the event beside its type; `now`: Unix seconds.

    `event_id` decides what counts as the same event: two that tell of the same fact should be given the same.
    """
    body: Json = {
        "type": "event_callback",
        "event": {"type": kind, "event_ts": f"{now:.6f}", **facts},
        "event_id": event_id,
        "event_time": int(now),
    }
    return Envelope(
        event_id=event_id, connection=connection, kind=kind, channel="", received_at=now, body=json_text.write(body)
    )
