"""Shelves: where those stand who ask something of an event, found by what the event holds.

Who asks the same stands together and is asked once. While a shelf has few different terms, each is asked. Beyond, a
webhook is found by what its filter asks: it stands in tables (core/tables.py), in the fewest spots that will do.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, product

from relay.core.ids import WebhookId
from relay.core.lenses import Look
from relay.core.patterns import Offer, Pattern, cost
from relay.core.reading import Reading
from relay.core.tables import Crowd, Shape, Spot, Table, leave, table_for
from relay.core.terms import Terms
from relay.core.webhook import Webhook

FEW = 4
"""Terms that are asked one after the other: to look for so few costs more."""

DEAR = (Look.PIECE, 0)
"""From this cost on, one offer must do."""

EVERYWHERE: Sequence[Spot] = (((), ()),)


class Shelf:
    """Those who stand at one place."""

    __slots__ = ("_bound", "_few", "_spots", "_tables")

    def __init__(self, few: int = FEW) -> None:
        self._bound = few
        self._few: Crowd | None = {}  # None: they are many
        self._spots: dict[WebhookId, Sequence[Spot]] = {}  # where the few go when they become many
        self._tables: dict[Shape, Table] = {}

    def __len__(self) -> int:
        return len(self._tables) if self._few is None else len(self._few)

    @property
    def asks(self) -> bool:
        """Whether somebody here may ask what an event says."""
        return self._few is None or any(terms.pattern is not None for terms in self._few)

    def put(self, webhook: Webhook, terms: Terms, at: Sequence[Spot]) -> None:
        """`at`: what `spots` says."""
        if self._few is None:
            self._spread(webhook, terms, at)
            return
        self._few.setdefault(terms, {})[webhook.id] = webhook
        self._spots[webhook.id] = at
        if len(self._few) > self._bound:
            for each, webhooks in self._few.items():
                for one in webhooks.values():
                    self._spread(one, each, self._spots[one.id])
            self._few, self._spots = None, {}

    def drop(self, webhook: Webhook, terms: Terms, at: Sequence[Spot]) -> None:
        if self._few is not None:
            leave(self._few, terms, webhook.id)
            del self._spots[webhook.id]
            return
        for shape, key in at:
            self._tables[shape].drop(key, terms, webhook.id)
            if not len(self._tables[shape]):
                del self._tables[shape]

    def found(self, reading: Reading) -> Iterable[Crowd]:
        """Those that may accept."""
        if self._few is not None:
            return (self._few,)
        return chain.from_iterable(table.found(reading) for table in self._tables.values())

    def _spread(self, webhook: Webhook, terms: Terms, at: Sequence[Spot]) -> None:
        for shape, key in at:
            table = self._tables.get(shape)
            if table is None:
                table = self._tables[shape] = table_for(shape)
            table.put(key, terms, webhook)


def spots(pattern: Pattern | None, room: int) -> Sequence[Spot]:
    """Where on a shelf to stand, in at most `room` spots: an event that passes looks at one of them at least.

    By all that is asked exactly; if nothing is, by what costs more to look for; else where every event looks.
    """
    offered = [] if pattern is None else sorted(pattern.offers(), key=cost)
    chosen: list[Offer] = []
    for offer in offered:
        if cost(offer) < DEAR and room >= len(offer):
            room //= len(offer)
            chosen.append(offer)
    if not chosen:
        dear = next((offer for offer in offered if len(offer) <= room), ())
        return [((probe,), (key,)) for probe, key in dear] or EVERYWHERE
    return [_split(combination) for combination in product(*chosen)]


def _split(combination: Offer) -> Spot:
    ordered = sorted(combination, key=lambda aspect: aspect[0])
    return tuple(probe for probe, _ in ordered), tuple(key for _, key in ordered)
