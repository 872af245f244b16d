"""Events as they are kept: found by their ids."""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from relay.core import json_text
from relay.core.envelope import FORM, JSON, Envelope
from relay.core.ids import ConnectionId, DeliveryId, EventId, delivery_id
from relay.core.webhook import Json
from relay.store.client import Client
from relay.store.errors import translated
from relay.store.keys import Keys
from relay.store.records import FIRST_VERSION, VERSION, check_version
from relay.store.reply import maybe_bytes, rows, text

HEAD_BYTES = 4096
"""An event's head is shorter than this: it names a hundred connections."""

COUNTERS = 28
"""Digits ahead of an event's head: its first delivery's sequence (16), how many it has (6), how many are open (6)."""


class Stored(Struct, frozen=True, kw_only=True):
    """An event as it is kept."""

    envelope: Envelope
    deliveries: tuple[DeliveryId, ...]
    echoes: tuple[ConnectionId, ...] = ()  # further connections by which it came, in that order

    def heard(self) -> Iterator[Envelope]:
        """The event as it came by each of its connections, the first one first."""
        yield self.envelope
        for connection in self.echoes:
            yield replace(self.envelope, connection=connection)


class Events:
    """One shard's."""

    __slots__ = ("_client", "_keys", "shard")

    def __init__(self, client: Client, shard: int = 0) -> None:
        self.shard = shard
        self._client = client
        self._keys = Keys(shard)

    def stored(self, ids: Sequence[EventId]) -> list[Stored | None]:
        """These events, in this order; None for one that is no longer kept, or cannot be read. Raises StoreAway."""
        if not ids:
            return []
        with translated():
            values = rows(self._client.redis.mget([self._keys("event", id) for id in ids]))
        return [
            self._read(id, value) if value else None for id, value in zip(ids, map(maybe_bytes, values), strict=True)
        ]

    def kinds(self, ids: Sequence[EventId]) -> dict[EventId, str]:
        """What kind of event each is, without its body; without those that are no longer kept. Raises StoreAway."""
        pipeline = self._client.redis.pipeline(transaction=False)
        for id in ids:
            pipeline.getrange(self._keys("event", id), COUNTERS, COUNTERS + HEAD_BYTES)
        with translated():
            heads = map(text, pipeline.execute())
        known = {id: head.partition("\n") for id, head in zip(ids, heads, strict=True)}
        return {id: str(json.loads(head)["k"]) for id, (head, end, _) in known.items() if end}

    def later_deliveries(self, id: EventId) -> list[DeliveryId]:
        """Deliveries of this event beyond those that `stored` names: of a wide fan-out, or made by a replay. Raises
        StoreAway.
        """
        with translated():
            ranges = rows(self._client.redis.lrange(self._keys("extra", id), 0, -1))
        counted = [map(int, text(one).split()) for one in ranges]
        return [delivery_id(first + i, self.shard) for first, count in counted for i in range(count)]

    def _read(self, id: EventId, value: bytes) -> Stored | None:
        """None for what cannot be read: one bad record must not stop those that are read with it."""
        try:
            head, body = value[COUNTERS:].split(b"\n", 1)
            fields = json.loads(head)
            check_version(fields.get("v", FIRST_VERSION))
            first, count = int(value[:16]), int(value[16:22])
            envelope = Envelope(
                event_id=id,
                connection=fields.get("n"),
                kind=fields["k"],
                channel=fields.get("c", ""),
                received_at=fields["at"],
                body=body,
                media=FORM if fields.get("form") else JSON,
            )
            echoes = tuple(map(ConnectionId, fields.get("also", ())))
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        deliveries = tuple(delivery_id(first + i, self.shard) for i in range(count))
        return Stored(envelope=envelope, deliveries=deliveries, echoes=echoes)


def write_head(envelope: Envelope) -> str:
    """JSON. The connection stands first: scripts/append.lua looks there."""
    form = envelope.media is FORM
    before, behind = _around_the_moment(envelope.connection, envelope.kind, envelope.channel, form=form)
    return f"{before}{_moment(envelope.received_at)}{behind}"


@lru_cache(maxsize=64)
def _moment(received_at: float) -> str:
    """The same for all that came in one read; Python takes its time over a float's digits."""
    return repr(received_at)


@lru_cache(maxsize=1024)
def _around_the_moment(connection: ConnectionId | None, kind: str, channel: str, *, form: bool) -> tuple[str, str]:
    """The head of an event, in two: nothing but the moment is another each time."""
    first: dict[str, Json] = {"n": connection} if connection else {}
    last: dict[str, Json] = {"k": kind}
    if channel:
        last["c"] = channel
    if form:
        last["form"] = True
    before, behind = json_text.write({**first, "v": VERSION}).decode(), json_text.write(last).decode()
    return f'{before[:-1]},"at":', f",{behind[1:]}"
