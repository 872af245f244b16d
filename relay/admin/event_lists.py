"""Lists of events: those that are looked for, newest first, each with what it is about."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, takewhile

from msgspec import Struct

from relay.admin.journals import SCANNED, Placed, Start, backwards
from relay.admin.lists import write_cursor
from relay.core.envelope import Envelope
from relay.core.gist import gist, says
from relay.store.journal import Entry
from relay.store.shards import Shard

BATCH = 50


class Found(Struct, frozen=True):
    placed: Placed
    gist: str | None


class Page(Struct, frozen=True):
    found: list[Found]
    cursor: str | None


class Search(Struct, frozen=True, kw_only=True):
    """`wanted` looks at the entry, `text` for words in the body ("" for any), `since` ends it (Unix seconds)."""

    wanted: Callable[[Entry], bool]
    text: str = ""
    since: float = 0.0


def search(shards: Sequence[Shard], start: Start, asked: Search, *, limit: int) -> Page:
    """Raises StoreAway."""
    walk = takewhile(lambda placed: placed.at >= asked.since, backwards(shards, start))
    found: list[Found] = []
    scanned = 0
    last: Placed | None = None
    while batch := list(islice(walk, BATCH)):
        scanned, last = scanned + len(batch), batch[-1]
        for placed, envelope in _read(shards, [each for each in batch if asked.wanted(each.entry)]):
            if asked.text and (envelope is None or not says(envelope, asked.text)):
                continue
            found.append(Found(placed, gist(envelope) if envelope else None))
            if len(found) == limit:
                return Page(found, write_cursor(*placed.marks))
    return Page(found, write_cursor(*last.marks) if last and scanned >= SCANNED else None)


def _read(shards: Sequence[Shard], places: Sequence[Placed]) -> Iterator[tuple[Placed, Envelope | None]]:
    envelopes: dict[str, Envelope] = {}
    for number, shard in enumerate(shards):
        ids = [placed.entry.event_id for placed in places if placed.shard == number]
        envelopes |= {one.envelope.event_id: one.envelope for one in shard.journal.events.stored(ids) if one}
    return ((placed, envelopes.get(placed.entry.event_id)) for placed in places)
