"""The shards' journals read as one, newest first, from where a cursor says."""

import re
from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice

from msgspec import Struct

from relay.admin.lists import bad_cursor, read_cursor
from relay.admin.problems import not_found
from relay.core.ids import DeliveryId, EventId
from relay.store.events import Stored
from relay.store.journal import Entry
from relay.store.shards import Shard

STRIDE = 250
"""Entries read at a time."""

SCANNED = 5000
"""Entries that one page looks at; if too few of them are wanted, the page is short and has a cursor to go on."""

NEWEST = "+"
BEFORE_ALL = "(0-0"
_POSITION = re.compile(r"[0-9]{1,15}-[0-9]{1,10}")


class Placed(Struct, frozen=True):
    """An entry and where it is: what all shards together are ordered by, and what a cursor says."""

    entry: Entry
    shard: int

    @property
    def order(self) -> tuple[int, int, int]:
        millisecond, _, number = self.entry.position.partition("-")
        return int(millisecond), int(number), self.shard

    @property
    def at(self) -> float:
        """Unix seconds at which it was appended."""
        return self.order[0] / 1000

    @property
    def marks(self) -> tuple[str, str]:
        return self.entry.position, str(self.shard)


class Start(Struct, frozen=True):
    """Where to read on: behind (older than) this place, or from the newest."""

    position: str = NEWEST
    shard: int = 0

    def of_shard(self, shard: int) -> str:
        """Where that is in one shard's journal; the same position of a lower shard comes later."""
        if self.position == NEWEST or shard < self.shard:
            return self.position
        return f"({self.position}"


def start_of(cursor: str | None, until: float | None) -> Start:
    """Raises Problem for a cursor that is none."""
    if cursor is not None:
        position, shard = read_cursor(cursor, 2)
        if not _POSITION.fullmatch(position) or not shard.isdecimal():
            raise bad_cursor()
        return Start(position, int(shard[:6]))
    if until is not None:
        return Start(f"{max(0, int(until * 1000))}-0", 0)
    return Start()


def backwards(shards: Sequence[Shard], start: Start) -> Iterator[Placed]:
    """Entries of all shards, newest first, at most SCANNED. Raises StoreAway."""
    walks = [_walk(shard, number, start.of_shard(number)) for number, shard in enumerate(shards)]
    return islice(merge(*walks, key=lambda placed: placed.order, reverse=True), SCANNED)


def find_event(shards: Sequence[Shard], id: EventId) -> tuple[Stored, int]:
    """The event and its shard. Raises Problem (404), StoreAway."""
    for number, shard in enumerate(shards):
        (stored,) = shard.journal.events.stored([id])
        if stored is not None:
            return stored, number
    raise not_found("event, or it is no longer kept")


def deliveries_of(shard: Shard, stored: Stored) -> tuple[DeliveryId, ...]:
    """All deliveries of an event, those that a replay made later too. Raises StoreAway."""
    return (*stored.deliveries, *shard.journal.events.later_deliveries(stored.envelope.event_id))


def _walk(shard: Shard, number: int, start: str) -> Iterator[Placed]:
    if start == BEFORE_ALL:  # Redis calls that an error
        return
    while entries := shard.journal.newest(start, STRIDE):
        for entry in entries:
            yield Placed(entry, number)
        if len(entries) < STRIDE:
            return
        start = f"({entries[-1].position}"
