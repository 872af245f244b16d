"""The journal: every event once, in the order of its arrival, and what has become of it.

Append writes an envelope unless it is there already. Fan-out reads on from the cursor and turns a stretch into
deliveries in one step that compares the cursor first: of two workers with the same stretch one wins, and the other has
lost nothing but its time.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from relay.core.envelope import Envelope
from relay.core.ids import ConnectionId, EventId, WebhookId
from relay.store.client import BLOCK_S, Argument, Client, Script
from relay.store.errors import translated
from relay.store.events import Events, write_head
from relay.store.keys import Keys
from relay.store.recent import Recent
from relay.store.reply import entries, integer, maybe_text, rows, text

BATCH = 256
"""Envelopes at a time: a script keeps everybody else waiting."""

START = "0-0"
"""The cursor before the first entry."""


class Entry(Struct, frozen=True, kw_only=True):
    """One entry of the journal: enough to match by, without the body."""

    position: str
    event_id: EventId
    kind: str
    channel: str
    connection: ConnectionId | None


class Match(Struct, frozen=True, kw_only=True):
    """One delivery to be: `lane` is "" unless the webhook wants order, then what must stay in order."""

    webhook: WebhookId
    lane: str = ""


class Stretch(Struct, frozen=True, kw_only=True):
    """What is fanned out in one step: whole events, but the first may be the rest and the last the beginning of one.

    A cursor is the position up to which all is done; `<position>|<webhook>`: and of the event behind it, the matches up
    to that webhook, in the order of their ids.
    """

    cursor: str  # as it was read
    following: str  # as it shall be
    matched: Sequence[tuple[Entry, Sequence[Match]]]
    begun: int  # events whose first match, or nothing, is among them


class Journal:
    """One shard's journal."""

    __slots__ = ("_append", "_client", "_fan_out", "_keys", "_recent", "_tend", "events", "shard")

    def __init__(self, client: Client, shard: int = 0) -> None:
        self.shard = shard
        self._client = client
        self._keys = Keys(shard)
        self._recent = Recent()
        self.events = Events(client, shard)
        self._append = Script("append")
        self._fan_out = Script("fan_out")
        self._tend = Script("tend")

    def append(self, envelopes: Sequence[Envelope]) -> list[bool]:
        """True for each new envelope, False for each that was there already. Raises StoreAway: then ask again, it
        does no harm.
        """
        answer: list[bool] = []
        for start in range(0, len(envelopes), BATCH):
            answer += self._append_batch(envelopes[start : start + BATCH])
        return answer

    def _append_batch(self, envelopes: Sequence[Envelope]) -> list[bool]:
        arguments: list[Argument] = []
        for one in envelopes:
            arguments += (one.event_id, one.kind, one.channel, one.connection or "", write_head(one), one.body)
        answer = [bool(new) for new in rows(self._client.run_on_shard(self._append, self.shard, arguments))]
        self._recent.add(envelope for envelope, new in zip(envelopes, answer, strict=True) if new)
        return answer

    def cursor(self) -> str:
        """The position up to which fan-out is done. Raises StoreAway."""
        with translated():
            return maybe_text(self._client.redis.get(self._keys("cursor"))) or START

    def read(self, after: str, limit: int, *, block: bool = True) -> list[Entry]:
        """Entries behind `after`, at most `limit`; waits for one up to BLOCK_S and then answers []. Raises
        StoreAway.
        """
        wait = ("BLOCK", int(BLOCK_S * 1000)) if block else ()
        answer = self._client.block("XREAD", "COUNT", limit, *wait, "STREAMS", self._keys("journal"), after)
        streams = answer.values() if isinstance(answer, dict) else [rows(stream)[1] for stream in rows(answer)]
        return [_entry(position, fields) for stream in streams for position, fields in entries(stream)]

    def fan_out(self, stretch: Stretch, *, version: int, insist: bool = False) -> str:
        """Make the matches into deliveries and move the cursor to the stretch's end, in one step.

        `version`: of the webhooks that were matched; `insist`: pass over those that the shard does not know. Answers
        "done"; or, with nothing changed, "behind" (the cursor was moved by another) or "stale" (webhooks have changed,
        or the shard has not been told of one). Raises StoreAway: whether it was done, the cursor will tell.
        """
        known = self._client.newest_sequence
        arguments: list[Argument] = [stretch.cursor, stretch.following, version, stretch.begun, known, int(insist)]
        for entry, matches in stretch.matched:
            arguments += (entry.event_id, len(matches))
            for match in matches:
                arguments += (match.webhook, match.lane)
        word, newest = rows(self._client.run_on_shard(self._fan_out, self.shard, arguments))
        self._client.saw(integer(newest))
        return text(word)

    def tend(self) -> None:
        """Do what nobody's call would do by itself; wanted every minute or so. Raises StoreAway."""
        self._client.run_on_shard(self._tend, self.shard, ())

    def envelopes(self, ids: Iterable[EventId]) -> Mapping[EventId, Envelope]:
        """The envelopes of these events, without those that are no longer kept. Raises StoreAway."""
        known = {id: self._recent.get(id) for id in ids}
        missing = [id for id, envelope in known.items() if envelope is None]
        read = [stored.envelope for stored in self.events.stored(missing) if stored]
        self._recent.add(read)
        return {id: envelope for id, envelope in known.items() if envelope} | {one.event_id: one for one in read}

    def newest(self, before: str, limit: int) -> list[Entry]:
        """Entries from `before` ("+" for the end; exclusive with a leading "(") backwards. Raises StoreAway."""
        with translated():
            return [
                _entry(*row) for row in entries(self._client.redis.xrevrange(self._keys("journal"), before, "-", limit))
            ]

    def oldest(self, start: str, end: str, limit: int) -> list[Entry]:
        """Entries from `start` to `end` ("-" and "+" are the ends; "(" in front excludes), at most `limit`. Raises
        StoreAway.
        """
        with translated():
            return [
                _entry(*row) for row in entries(self._client.redis.xrange(self._keys("journal"), start, end, limit))
            ]


def _entry(position: str, fields: Mapping[bytes, bytes]) -> Entry:
    connection = fields[b"n"].decode()
    return Entry(
        position=position,
        event_id=EventId(fields[b"e"].decode()),
        kind=fields[b"k"].decode(),
        channel=fields[b"c"].decode(),
        connection=ConnectionId(connection) if connection else None,
    )
