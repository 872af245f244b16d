"""The journal: every event once, in the order of its arrival, and what has become of it.

Append writes an envelope unless it is there already; a copy by a connection that is new to the event is an *echo*, a
short second entry (docs/decisions/echoes.md). Fan-out reads on from the cursor and turns a stretch into
deliveries in one step that compares the cursor first: of two workers with the same stretch one wins, and the other has
lost nothing but its time.
"""

from collections.abc import Mapping, Sequence
from itertools import compress, count

from msgspec import Struct
from msgspec.structs import replace

from relay.core.envelope import Envelope
from relay.core.ids import ConnectionId, EventId
from relay.core.matching import Match
from relay.store.client import BLOCK_S, Argument, Client, Script, write_rows
from relay.store.deliveries import Claimed, read_claimed, to_claim
from relay.store.errors import translated
from relay.store.events import Events, write_head
from relay.store.keys import Keys
from relay.store.recent import LIMIT_BYTES, Recent
from relay.store.reply import entries, integer, maybe_text, rows, text

BATCH = 256
"""Envelopes at a time: a script keeps everybody else waiting."""

START = "0-0"
"""The cursor before the first entry."""

ECHO = "+"
"""Ahead of an event's id, where it is an echo's; a release that knows no echoes finds no such event, and goes on."""


class Entry(Struct, frozen=True, kw_only=True):
    """One entry of the journal: enough to match by, without the body."""

    position: str
    event_id: EventId
    kind: str
    channel: str
    connection: ConnectionId | None
    echo: bool = False  # the event was here before, by another connection

    @property
    def name(self) -> str:
        """Its event, as a stretch names it."""
        return ECHO + self.event_id if self.echo else self.event_id

    def heard(self, envelope: Envelope) -> Envelope:
        """The event as it came by this entry's connection; `envelope` is the first copy."""
        return replace(envelope, connection=self.connection) if self.echo else envelope


class Stretch(Struct, frozen=True, kw_only=True):
    """What is fanned out in one step: whole events, but the first may be the rest and the last the beginning of one.

    A cursor is the position up to which all is done; `<position>|<webhook>`: and of the event behind it, the matches up
    to that webhook, in the order of their ids.
    """

    cursor: str  # as it was read
    following: str  # as it shall be; "" if the events are all that is behind it
    matched: Sequence[tuple[str, Sequence[Match]]]  # events, echoes with ECHO in front; the same matches are one object
    begun: int  # events whose first match, or nothing, is among them; an echo is no event more


class Passed(Struct, frozen=True, kw_only=True):
    """What came of `Journal.pass_on`."""

    are_new: list[bool]
    word: str
    cursor: str  # as it is now, if that is known
    claimed: Claimed


class Journal:
    """One shard's journal."""

    __slots__ = ("_append", "_client", "_fan_out", "_keys", "_pass_on", "_recent", "_tend", "events", "shard")

    def __init__(self, client: Client, shard: int = 0, *, shards: int = 1) -> None:
        """`shards`: how many this process has, which remember their part each."""
        self.shard = shard
        self._client = client
        self._keys = Keys(shard)
        self._recent = Recent(LIMIT_BYTES // shards)
        self.events = Events(client, shard)
        self._append = Script("append")
        self._fan_out = Script("fan_out")
        self._pass_on = Script("append", "fan_out", "claim")
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
        return self._appended(envelopes, self._client.run_on_shard(self._append, self.shard, _to_append(envelopes)))

    def _appended(self, envelopes: Sequence[Envelope], answer: object) -> list[bool]:
        are_new = list(map(bool, rows(answer)))
        self._recent.add(envelopes if all(are_new) else list(compress(envelopes, are_new)))
        return are_new

    def pass_on(self, envelopes: Sequence[Envelope], stretch: Stretch, *, version: int, room: int) -> Passed:
        """Append `envelopes`, fan them out, and claim as many deliveries as there is `room` for: in one step, and for a
        Redis that writes each change to its disk, with one wait for that.

        The stretch's entries are these envelopes. They are fanned out if they are new and nothing else in the journal
        is behind the cursor; otherwise they are appended all the same, and `word` is one of `fan_out`'s, or "crowded".
        Raises StoreAway: then ask again, it does no harm.
        """
        fan_out = self._to_fan_out(stretch, version=version, claimed_next=True)
        asked = (_to_append(envelopes), fan_out, to_claim(room))
        appended, fanned_out, lent = self._client.run_in_turn(self._pass_on, self.shard, asked)
        are_new = self._appended(envelopes, appended)
        word, cursor = self._fanned_out(fanned_out)
        return Passed(are_new=are_new, word=word, cursor=cursor, claimed=read_claimed(self._client, lent))

    def cursor(self) -> str:
        """The position up to which fan-out is done. Raises StoreAway."""
        with translated():
            return maybe_text(self._client.redis.get(self._keys("cursor"))) or START

    def wait(self, after: str) -> str | None:
        """The position of the first entry behind `after`; None if there is none within BLOCK_S. Raises StoreAway."""
        wait_ms = int(BLOCK_S * 1000)
        answer = self._client.block("XREAD", "COUNT", 1, "BLOCK", wait_ms, "STREAMS", self._keys("journal"), after)
        streams = answer.values() if isinstance(answer, dict) else [rows(stream)[1] for stream in rows(answer)]
        return next((position for stream in streams for position, _ in entries(stream)), None)

    def fan_out(self, stretch: Stretch, *, version: int, insist: bool = False) -> str:
        """Make the matches into deliveries and move the cursor to the stretch's end, in one step.

        `version`: of the webhooks that were matched; `insist`: pass over those that the shard does not know. Answers
        "done"; or, with nothing changed, "behind" (the cursor was moved by another) or "stale" (webhooks have changed,
        or the shard has not been told of one). Raises StoreAway: whether it was done, the cursor will tell.
        """
        arguments = self._to_fan_out(stretch, version=version, insist=insist)
        return self._fanned_out(self._client.run_on_shard(self._fan_out, self.shard, arguments))[0]

    def _to_fan_out(
        self, stretch: Stretch, *, version: int, insist: bool = False, claimed_next: bool = False
    ) -> list[Argument]:
        known = self._client.newest_sequence
        arguments: list[Argument] = [stretch.cursor, stretch.following, version, stretch.begun, known]
        arguments += (int(insist), int(claimed_next))
        return [*arguments, _write_matched(stretch)]

    def _fanned_out(self, answer: object) -> tuple[str, str]:
        word, newest, cursor = rows(answer)
        self._client.saw(integer(newest))
        return text(word), text(cursor)

    def tend(self) -> None:
        """Do what nobody's call would do by itself; wanted every minute or so. Raises StoreAway."""
        self._client.run_on_shard(self._tend, self.shard, ())

    def envelopes(self, ids: Sequence[EventId]) -> list[Envelope | None]:
        """Of each event its envelope; None if it is no longer kept. Raises StoreAway."""
        known = self._recent.those(ids)
        if all(known):
            return known
        unknown = dict.fromkeys(id for id, one in zip(ids, known, strict=True) if one is None)
        read = {stored.envelope.event_id: stored.envelope for stored in self.events.stored(list(unknown)) if stored}
        self._recent.add(list(read.values()))
        return [one or read.get(id) for id, one in zip(ids, known, strict=True)]

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


def position_of(cursor: str) -> str:
    """Up to which all events are done, if perhaps not the one behind it."""
    return cursor.partition("|")[0]


def is_behind(position: str, other: str) -> bool:
    """Whether one position of a journal comes after another."""
    return [int(part) for part in position.split("-")] > [int(part) for part in other.split("-")]


def _write_matched(stretch: Stretch) -> bytes:
    """The events, of each the place of its matches, and those: what is the same for many is written once. Behind an
    append of the same events these are known.
    """
    different = {id(matches): matches for _, matches in stretch.matched}
    place = dict(zip(different, count(1)))
    places = [place[id(matches)] for _, matches in stretch.matched]
    events = [event for event, _ in stretch.matched] if stretch.following else ()
    return write_rows((events, places, list(different.values())))


def _to_append(envelopes: Sequence[Envelope]) -> tuple[bytes]:
    """What the heads of many say is written once."""
    said = [(one.connection, one.kind, one.channel, one.received_at, one.media) for one in envelopes]
    different = dict(zip(said, envelopes, strict=True))
    place = dict(zip(different, count(1)))
    heads = [(one.kind, one.channel, one.connection or "", write_head(one)) for one in different.values()]
    ids, bodies = [one.event_id for one in envelopes], [one.body.decode() for one in envelopes]
    return (write_rows((ids, [place[each] for each in said], heads, bodies)),)


def _entry(position: str, fields: Mapping[bytes, bytes]) -> Entry:
    connection, event = fields[b"n"].decode(), fields[b"e"].decode()
    return Entry(
        position=position,
        event_id=EventId(event.removeprefix(ECHO)),
        kind=fields[b"k"].decode(),
        channel=fields[b"c"].decode(),
        connection=ConnectionId(connection) if connection else None,
        echo=event.startswith(ECHO),
    )
