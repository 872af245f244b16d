"""A Slack event as we keep and send it: the Events API's envelope, as the exact bytes that are signed and sent."""

from enum import StrEnum

from msgspec import Struct

from relay.core.ids import ConnectionId, EventId


class Media(StrEnum):
    """How the body is written: Slack sends events as JSON, slash commands and interactivity as a form."""

    JSON = "application/json"
    FORM = "application/x-www-form-urlencoded"


JSON, FORM = Media  # for the hot path: Python 3.11 takes its time over an enum's member


class Envelope(Struct, frozen=True, kw_only=True, gc=False):
    event_id: EventId
    connection: ConnectionId | None  # None: the relay's own events
    kind: str  # "reaction_added", "message", "message.message_changed", "slash_commands", "interactive.block_actions"
    channel: str  # "C…", "D…", "G…"; "" for an event that belongs to none
    received_at: float  # Unix seconds at which the frame was read
    body: bytes  # ASCII only
    media: Media = Media.JSON
