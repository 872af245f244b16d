"""What a watcher of the live stream wants to see, and how it is told: frames of JSON, each written once for all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from msgspec import Struct

from relay.core import json_text
from relay.core.envelope import Envelope, Media
from relay.core.ids import WebhookId
from relay.core.matching import Subscription
from relay.core.reading import Reading
from relay.core.selectors import selects
from relay.core.webhook import Json

ENVELOPE_BYTES = 128 * 1024
"""A larger envelope is left out of its frame; GET /v1/events/{id} has it."""


class Wish(Struct, frozen=True):
    """`events`: selectors, none means every event. `webhooks`: None means all, else what these want and get."""

    events: tuple[str, ...] = ()
    webhooks: tuple[Subscription, ...] | None = None
    name: str = ""  # equal for equal wishes: their frames are sorted out once

    def wants(self, seen: "Seen") -> bool:
        if self.events and not any(selects(selector, seen.kind) for selector in self.events):
            return False
        if self.webhooks is None:
            return True
        if seen.reading is None:
            return any(seen.webhook == each.webhook.id for each in self.webhooks)
        return any(_meant(each, seen.reading) for each in self.webhooks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An event or an outcome, with the frame that tells of it."""

    kind: str  # the event's
    text: bytes
    webhook: WebhookId | None = None  # the outcome's
    reading: Reading | None = field(default=None, repr=False)  # the event's


def see_event(envelope: Envelope, cursor: str, *, received_at: str) -> Seen:
    """`received_at`: as people read it."""
    head: dict[str, Json] = {
        "id": envelope.event_id,
        "type": envelope.kind,
        "channel": envelope.channel or None,
        "connection": envelope.connection,
        "received_at": received_at,
        "media": str(envelope.media),
    }
    start = json_text.write({"type": "event", "cursor": cursor, "event": head})
    if len(envelope.body) > ENVELOPE_BYTES:
        body = b"null"
    elif envelope.media is Media.FORM:
        body = json_text.write(envelope.body.decode("ascii", "replace"))
    else:
        body = envelope.body
    text = start[:-1] + b',"envelope":' + body + b"}"
    return Seen(kind=envelope.kind, text=text, reading=Reading(envelope))


def see_outcome(outcome: bytes, cursor: str, *, moment: Callable[[float], str]) -> Seen:
    """`outcome`: what deliver/showing.py wrote; `moment` writes a time as people read it. Raises NotJson."""
    known = cast(dict[str, Json], json_text.read(outcome))  # we wrote it
    known["at"] = moment(float(cast(float, known["at"])))
    return Seen(
        kind=str(known["event_type"]),
        text=json_text.write({"type": "outcome", "cursor": cursor, "outcome": known}),
        webhook=WebhookId(str(known["webhook"])),
    )


def hello(cursor: str, heartbeat_s: float) -> bytes:
    return json_text.write({"type": "hello", "cursor": cursor, "heartbeat_seconds": heartbeat_s})


def heartbeat(cursor: str) -> bytes:
    return json_text.write({"type": "heartbeat", "cursor": cursor})


def dropped(frames: int) -> bytes:
    return json_text.write({"type": "dropped", "frames": frames})


def caught_up(cursor: str, *, missing: bool) -> bytes:
    """After a resume. `missing`: more had happened than is told again."""
    return json_text.write({"type": "caught_up", "cursor": cursor, "missing": missing})


def sorted_out(wishes: Sequence[Wish], seen: Sequence[Seen]) -> dict[str, list[Seen]]:
    """For each different wish, by name, what it wants of this."""
    different = {wish.name: wish for wish in wishes}
    return {name: [one for one in seen if wish.wants(one)] for name, wish in different.items()}


def _meant(subscription: Subscription, reading: Reading) -> bool:
    kind = reading.envelope.kind
    return any(selects(selector, kind) for selector in subscription.webhook.events) and subscription.passes(reading)
