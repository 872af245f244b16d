"""Lists of deliveries: of webhooks, of one event, or of everything, newest first, from where a cursor says."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from itertools import islice

from msgspec import Struct

from relay.admin.journals import NEWEST, STRIDE, Start, backwards, deliveries_of, find_event
from relay.admin.lists import bad_cursor, read_cursor, write_cursor
from relay.core.delivery import Delivery
from relay.core.ids import DeliveryId, EventId, WebhookId, delivery_id, read_delivery_id
from relay.store.shards import Shard

SCANNED = 2000
"""Deliveries that one page looks at; if too few of them are wanted, the page is short and has a cursor to go on."""

BATCH = 100
LAST_SEQUENCE = 32**11 - 1


class Listed(Struct, frozen=True):
    """A delivery, and the marks of a cursor behind it."""

    id: DeliveryId
    marks: tuple[str, ...]


class Page(Struct, frozen=True):
    deliveries: list[Delivery]
    cursor: str | None


def take(shards: Sequence[Shard], listed: Iterator[Listed], *, wanted: Callable[[Delivery], bool], limit: int) -> Page:
    """The first `limit` of them that are wanted. Raises StoreAway."""
    found: list[Delivery] = []
    scanned = 0
    while batch := list(islice(listed, min(BATCH, SCANNED - scanned))):
        scanned += len(batch)
        for each, delivery in zip(batch, look_up(shards, [each.id for each in batch]), strict=True):
            if delivery is not None and wanted(delivery):
                found.append(delivery)
            if len(found) == limit:
                return Page(found, write_cursor(*each.marks))
        if scanned >= SCANNED:
            return Page(found, write_cursor(*batch[-1].marks))
    return Page(found, None)


def look_up(shards: Sequence[Shard], ids: Sequence[DeliveryId]) -> list[Delivery | None]:
    """Each delivery, from the shard that its id names. Raises StoreAway."""
    found: dict[DeliveryId, Delivery | None] = {}
    for number, shard in enumerate(shards):
        here = [id for id in ids if read_delivery_id(id)[1] == number]
        if here:
            found |= zip(here, shard.deliveries.get(here), strict=True)
    return [found.get(id) for id in ids]


def of_webhooks(shards: Sequence[Shard], webhooks: Iterable[WebhookId], cursor: str | None) -> Iterator[Listed]:
    """By their birth, newest first. Raises Problem for a cursor that is none."""
    before = (LAST_SEQUENCE, 0) if cursor is None else _place(cursor)
    walks = [
        _walk(shard, webhook, _before(number, before)) for webhook in webhooks for number, shard in enumerate(shards)
    ]
    ids = merge(*walks, key=read_delivery_id, reverse=True)
    return (Listed(id, tuple(map(str, read_delivery_id(id)))) for id in ids)


def of_event(shards: Sequence[Shard], event: EventId, cursor: str | None) -> Iterator[Listed]:
    """By their birth, newest first. Raises Problem for an unknown event, or a cursor that is none."""
    before = (LAST_SEQUENCE, 0) if cursor is None else _place(cursor)
    stored, number = find_event(shards, event)
    deliveries = deliveries_of(shards[number], stored)
    places = sorted((place for place in map(read_delivery_id, deliveries) if place < before), reverse=True)
    return (Listed(delivery_id(*place), tuple(map(str, place))) for place in places)


def of_all(shards: Sequence[Shard], cursor: str | None) -> Iterator[Listed]:
    """By their events, newest first; a cursor stands behind the so-manieth delivery of one event."""
    if cursor is None:
        return _of_all(shards, Start(), 0)
    position, shard, done = read_cursor(cursor, 3)
    if not (position.replace("-", "", 1).isdecimal() and "-" in position and shard.isdecimal() and done.isdecimal()):
        raise bad_cursor()
    # one shard further, so that the event itself is read again
    return _of_all(shards, Start(position[:30], int(shard[:6]) + 1), int(done[:9]))


def _of_all(shards: Sequence[Shard], start: Start, done: int) -> Iterator[Listed]:
    resumed = start.position != NEWEST
    for placed in backwards(shards, start):
        journal = shards[placed.shard].journal
        (stored,) = journal.events.stored([placed.entry.event_id])
        deliveries = stored.deliveries if stored else ()
        skipped = done if resumed and placed.marks == (start.position, str(start.shard - 1)) else 0
        for number, id in enumerate(deliveries[skipped:], skipped + 1):
            yield Listed(id, (*placed.marks, str(number)))


def _walk(shard: Shard, webhook: WebhookId, before: DeliveryId) -> Iterator[DeliveryId]:
    while ids := shard.deliveries.of_webhook(webhook, before, STRIDE):
        yield from ids
        if len(ids) < STRIDE:
            return
        before = ids[-1]


def _place(cursor: str) -> tuple[int, int]:
    sequence, shard = read_cursor(cursor, 2)
    if not (sequence.isdecimal() and shard.isdecimal() and len(sequence) <= 17):
        raise bad_cursor()
    return min(int(sequence), LAST_SEQUENCE), int(shard[:6])


def _before(shard: int, place: tuple[int, int]) -> DeliveryId:
    """The place as one shard sees it; the same sequence of a lower shard comes later."""
    sequence, of = place
    return delivery_id(min(sequence + 1, LAST_SEQUENCE) if shard < of else sequence, shard)
