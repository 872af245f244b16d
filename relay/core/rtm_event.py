"""What an RTM event says of itself: its kind, its conversation, its time, and what tells it from all others.

Identity. One event reaches us on several sockets, so its `event_id` is a hash of the workspace and of the event
itself, which holds Slack's own `event_ts` (a message: its `ts`) and so differs from any other. Events that have
neither (typing, presence, …) are equal to their repetitions; they get an `event_ts` from store/occurrences.py before
they come here, the same for all copies.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import repeat

from msgspec import Struct

from relay.core import json_text
from relay.core.webhook import Json

Event = dict[str, Json]

EVENT_ID_BYTES = 10
"""80 bits, twenty characters: among a billion events, two are alike with a chance of one in a million."""


class Identity(Struct, frozen=True, kw_only=True):
    """Who we are to Slack; "" for what it did not tell."""

    team: str = ""
    enterprise: str = ""
    bot_user: str = ""
    app: str = ""


def stamp_of(event: Event) -> str | None:
    """Slack's own time of the event, which no other event of its kind has; None if it has none."""
    stamp = event.get("event_ts")
    if stamp is None and event.get("type") == "message":
        stamp = event.get("ts")
    if isinstance(stamp, str):
        return stamp or None
    return str(stamp) if isinstance(stamp, (int, float)) and not isinstance(stamp, bool) else None


def kind_of(event: Event) -> str:
    """`type`, or `type.subtype`; selectors are matched with it."""
    kind, subtype = str(event["type"]), event.get("subtype")
    return f"{kind}.{subtype}" if isinstance(subtype, str) and subtype else kind


def channel_of(event: Event) -> str:
    """The id of the conversation that the event belongs to, "" for none."""
    channel = event.get("channel")
    if isinstance(channel, str) and channel:
        return channel
    item = event.get("item")
    for candidate in (channel, event.get("channel_id"), item.get("channel") if isinstance(item, dict) else None):
        channel = candidate.get("id") if isinstance(candidate, dict) else candidate
        if isinstance(channel, str) and channel:
            return channel
    return ""


def fingerprint(team: str, event: Event) -> str:
    """Twenty characters that are the same for the same content, whatever the order of its keys."""
    return next(fingerprints(begun_for(team), [event]))


def begun_for(team: str) -> blake2b:
    """The hash of an event of this workspace, before the event."""
    return blake2b(digest_size=EVENT_ID_BYTES, key=team.encode()[:64])


def fingerprints(begun: blake2b, events: Sequence[Event]) -> Iterator[str]:
    """Of each. Raises ValueError and RecursionError if one cannot be written."""
    # each step for all at once: what goes round in C takes no step of Python's
    digests = list(map(blake2b.copy, repeat(begun, len(events))))
    list(map(blake2b.update, digests, json_text.canonical_all(events)))
    return map(str.upper, map(blake2b.hexdigest, digests))
