"""Tables: crowds of webhooks, found by the keys that an event shows through the lenses of one shape of filter.

Whoever may pass is found, and some who don't: they are still asked.
"""

from collections.abc import Hashable, Iterable
from itertools import product
from math import prod
from typing import TypeAlias, cast

from relay.core.ids import WebhookId
from relay.core.lenses import Lens, Look, identity
from relay.core.patterns import Probe
from relay.core.ranges import Range, Ranges, ordinal_of
from relay.core.reading import Reading
from relay.core.terms import Terms
from relay.core.webhook import Webhook

Shape: TypeAlias = tuple[Probe, ...]
Key: TypeAlias = tuple[Hashable, ...]
Spot: TypeAlias = tuple[Shape, Key]
Crowd: TypeAlias = dict[Terms, dict[WebhookId, Webhook]]
"""Those at one spot, by what else they ask."""

SPARING = 64
"""For so many values is remembered who does not refuse them."""


def leave(crowd: Crowd, terms: Terms, id: WebhookId) -> None:
    del crowd[terms][id]
    if not crowd[terms]:
        del crowd[terms]


def table_for(shape: Shape) -> "Table":
    match shape:
        case ((_, Lens(look=Look.PIECE)),):
            return Pieces(shape)
        case ((_, Lens(look=Look.RANGE)),):
            return Numbers(shape)
        case ((_, Lens(look=Look.OTHER)),):
            return Others(shape)
        case _:
            return Table(shape)


class Table:
    """Crowds by their keys. Of the event's keys and the table's, the fewer are tried."""

    __slots__ = ("_crowds", "_shape")

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._crowds: dict[Key, Crowd] = {}

    def __len__(self) -> int:
        return len(self._crowds)

    def put(self, key: Key, terms: Terms, webhook: Webhook) -> None:
        self._crowds.setdefault(key, {}).setdefault(terms, {})[webhook.id] = webhook

    def drop(self, key: Key, terms: Terms, id: WebhookId) -> None:
        leave(self._crowds[key], terms, id)
        if not self._crowds[key]:
            del self._crowds[key]

    def found(self, reading: Reading) -> Iterable[Crowd]:
        if not self._shape:
            return self._crowds.values()
        seen = [reading.keys(probe) for probe in self._shape]
        if prod(map(len, seen)) <= len(self._crowds):
            return [self._crowds[key] for key in product(*seen) if key in self._crowds]
        return [crowd for key, crowd in self._crowds.items() if all(map(frozenset.__contains__, seen, key))]


class Pieces(Table):
    """Crowds by a piece of text that must stand somewhere."""

    __slots__ = ()

    def found(self, reading: Reading) -> Iterable[Crowd]:
        ((path, _),) = self._shape
        texts = [value for value in reading.values(path) if isinstance(value, str)]
        if len(self._crowds) > sum(map(len, texts)):
            return super().found(reading)
        return [crowd for (piece,), crowd in self._crowds.items() if any(cast(str, piece) in text for text in texts)]


class Numbers(Table):
    """Crowds by a range in which a number must lie."""

    __slots__ = ("_ranges",)

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self._ranges = Ranges()

    def put(self, key: Key, terms: Terms, webhook: Webhook) -> None:
        if key not in self._crowds:
            self._ranges.add(_range(key))
        super().put(key, terms, webhook)

    def drop(self, key: Key, terms: Terms, id: WebhookId) -> None:
        super().drop(key, terms, id)
        if key not in self._crowds:
            self._ranges.remove(_range(key))

    def found(self, reading: Reading) -> Iterable[Crowd]:
        ((path, _),) = self._shape
        numbers = [value for value in reading.values(path) if isinstance(value, int | float)]
        return [self._crowds[(each,)] for number in numbers for each in self._ranges.holding(ordinal_of(number))]


class Others(Table):
    """Crowds by the values that theirs must not be.

    Those who refuse a value may be nearly all: then the few who don't are remembered for the next event that has it.
    """

    __slots__ = ("_naming", "_sparing")

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self._naming: dict[Hashable, set[Key]] = {}  # value → whose keys name it
        self._sparing: dict[Hashable, set[Key]] = {}  # value → whose keys don't

    def put(self, key: Key, terms: Terms, webhook: Webhook) -> None:
        if key not in self._crowds:
            for value in _named(key):
                self._naming.setdefault(value, set()).add(key)
            for value, keys in self._sparing.items():
                if value not in _named(key):
                    keys.add(key)
        super().put(key, terms, webhook)

    def drop(self, key: Key, terms: Terms, id: WebhookId) -> None:
        super().drop(key, terms, id)
        if key not in self._crowds:
            for value in _named(key):
                self._naming[value].remove(key)
                if not self._naming[value]:
                    del self._naming[value]
            for keys in self._sparing.values():
                keys.discard(key)

    def found(self, reading: Reading) -> Iterable[Crowd]:
        ((path, _),) = self._shape
        values = {identity(value) for value in reading.values(path)}
        return [self._crowds[key] for key in set().union(*map(self._without, values))]

    def _without(self, value: Hashable) -> Iterable[Key]:
        naming = self._naming.get(value, ())
        if 2 * len(naming) <= len(self._crowds):
            return self._crowds.keys() - naming
        if value not in self._sparing:
            if len(self._sparing) >= SPARING:
                self._sparing.clear()
            self._sparing[value] = self._crowds.keys() - naming
        return self._sparing[value]


def _named(key: Key) -> frozenset[Hashable]:
    return cast(frozenset[Hashable], key[0])  # of this lens, all are


def _range(key: Key) -> Range:
    return cast(Range, key[0])  # of this lens, all are
