"""Matching: which webhooks an envelope is for, at a cost that grows with the answer and not with the webhooks.

A webhook stands on a *shelf* for each way in which it can be reached: selector, channel, connection (None: any). On its
shelf it stands under the values that its filter asks for exactly (or by prefix, suffix, in any case), if it has such.
So an event looks at a handful of shelves, at one place on each for every *shape* of filter there, and asks only
those it finds whether they really want it. What cannot be looked up (numbers, stars, `$or`) is asked one by one.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TypeAlias, TypeVar

from relay.core.envelope import Envelope
from relay.core.errors import RelayError
from relay.core.ids import ConnectionId, WebhookId
from relay.core.pattern_reading import read_pattern
from relay.core.patterns import Pattern
from relay.core.reading import Probe, Reading
from relay.core.selectors import is_glob, is_own, plain_selectors, selects
from relay.core.webhook import Webhook

SPOTS = 4096
"""In how many spots a webhook may stand, for memory's sake; beyond that, fewer of its wishes are used to find it."""

KINDS = 4096
"""For how many kinds of event the selectors are remembered."""

Place: TypeAlias = tuple[str, str | None, ConnectionId | None]
Shape: TypeAlias = tuple[Probe, ...]
Key: TypeAlias = tuple[Hashable, ...]
Wish = TypeVar("Wish")


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook and its filter, compiled."""

    webhook: Webhook
    pattern: Pattern | None

    def passes(self, reading: Reading) -> bool:
        return _reaches(self.webhook, reading.envelope) and (
            self.pattern is None or self.pattern.passes(reading.document)
        )


Ranks: TypeAlias = dict[WebhookId, Subscription]
Shelf: TypeAlias = dict[Shape, dict[Key, Ranks]]


def subscribe(webhook: Webhook) -> Subscription:
    """Raises InvalidPattern if the filter cannot be read."""
    return Subscription(webhook, None if webhook.filter is None else read_pattern(webhook.filter))


def passes(webhook: Webhook, envelope: Envelope) -> bool:
    """Whether `envelope` is for `webhook`, enabled or not: the law that `Matcher` keeps. Raises InvalidPattern."""
    named = any(selects(selector, envelope.kind) for selector in webhook.events)
    return named and subscribe(webhook).passes(Reading(envelope))


class Matcher:
    """An index of webhooks, changed in place: a change costs what that one webhook costs."""

    def __init__(self, webhooks: Iterable[Webhook] = ()) -> None:
        self.broken: dict[WebhookId, RelayError] = {}  # webhooks whose filter cannot be read: they match nothing
        self._known: dict[WebhookId, Subscription] = {}
        self._shelves: dict[Place, Shelf] = {}
        self._globs: Counter[str] = Counter()
        self._selectors: dict[str, list[str]] = {}  # kind → every selector, registered or plain, that means it
        self.change(webhooks)

    def __len__(self) -> int:
        return len(self._known)

    def __repr__(self) -> str:
        return f"<Matcher {len(self._known)} webhooks on {len(self._shelves)} shelves, {len(self.broken)} broken>"

    def change(self, changed: Iterable[Webhook] = (), removed: Iterable[WebhookId] = ()) -> None:
        """Forget `removed`, and know `changed` as they are now, new ones among them."""
        for webhook_id in removed:
            self._forget(webhook_id)
        for webhook in changed:
            self._forget(webhook.id)
            self._learn(webhook)

    def match(self, envelope: Envelope) -> list[Webhook]:
        """Every webhook that `envelope` is for, each once, disabled ones too; in no promised order."""
        reading = Reading(envelope)
        matches: Ranks = {}
        for place in self._places(envelope):
            shelf = self._shelves.get(place)
            if shelf is not None:
                for ranks in _found(shelf, reading):
                    matches.update((each, known) for each, known in ranks.items() if known.passes(reading))
        return [subscription.webhook for subscription in matches.values()]

    def _places(self, envelope: Envelope) -> Iterator[Place]:
        channels = dict.fromkeys((envelope.channel or None, None))
        connections = dict.fromkeys((envelope.connection, None))
        return product(self._meaning(envelope.kind), channels, connections)

    def _meaning(self, kind: str) -> list[str]:
        selectors = self._selectors.get(kind)
        if selectors is None:
            if len(self._selectors) >= KINDS:
                self._selectors.clear()
            selectors = [*plain_selectors(kind), *(glob for glob in self._globs if selects(glob, kind))]
            self._selectors[kind] = selectors
        return selectors

    def _learn(self, webhook: Webhook) -> None:
        try:
            subscription = subscribe(webhook)
        except RelayError as error:
            self.broken[webhook.id] = error
            return
        self._known[webhook.id] = subscription
        for place, shape, key in _spots(subscription):
            self._shelves.setdefault(place, {}).setdefault(shape, {}).setdefault(key, {})[webhook.id] = subscription
        for glob in filter(is_glob, dict.fromkeys(webhook.events)):
            self._globs[glob] += 1
            if self._globs[glob] == 1:
                for kind, selectors in self._selectors.items():
                    if selects(glob, kind):
                        selectors.append(glob)

    def _forget(self, webhook_id: WebhookId) -> None:
        self.broken.pop(webhook_id, None)
        subscription = self._known.pop(webhook_id, None)
        if subscription is None:
            return
        for spot in _spots(subscription):
            self._clear(spot, webhook_id)
        for glob in filter(is_glob, dict.fromkeys(subscription.webhook.events)):
            self._globs[glob] -= 1
            if not self._globs[glob]:
                del self._globs[glob]
                for kind, selectors in self._selectors.items():
                    if selects(glob, kind):
                        selectors.remove(glob)

    def _clear(self, spot: tuple[Place, Shape, Key], webhook_id: WebhookId) -> None:
        place, shape, key = spot
        shelf = self._shelves[place]
        del shelf[shape][key][webhook_id]
        if not shelf[shape][key]:
            del shelf[shape][key]
        if not shelf[shape]:
            del shelf[shape]
        if not shelf:
            del self._shelves[place]


def _reaches(webhook: Webhook, envelope: Envelope) -> bool:
    """Whether channel and connection are among the webhook's own. The relay's own events belong to no channel."""
    if is_own(envelope.kind):
        return not webhook.connections or envelope.connection is None or envelope.connection in webhook.connections
    return (not webhook.channels or envelope.channel in webhook.channels) and (
        not webhook.connections or envelope.connection in webhook.connections
    )


def _found(shelf: Shelf, reading: Reading) -> Iterator[Ranks]:
    """Those on a shelf that may pass. Of the event's values and the shelf's, the fewer are tried."""
    for shape, keyed in shelf.items():
        if not shape:
            yield keyed[()]
            continue
        seen = [reading.keys(probe) for probe in shape]
        if prod(map(len, seen)) <= len(keyed):
            yield from (keyed[key] for key in product(*seen) if key in keyed)
        else:
            yield from (ranks for key, ranks in keyed.items() if all(map(frozenset.__contains__, seen, key)))


def _spots(subscription: Subscription) -> Iterator[tuple[Place, Shape, Key]]:
    """Everywhere that a webhook stands: an event that it wants looks at one of these spots at least."""
    webhook = subscription.webhook
    for selector in dict.fromkeys(webhook.events):
        room = SPOTS // len(webhook.events)
        channels = _affordable(() if is_own(selector) else webhook.channels, room)
        room //= len(channels)
        connections = _affordable(() if is_own(selector) else webhook.connections, room)
        room //= len(connections)
        for shape, key in _keys(subscription.pattern, room):
            for channel, connection in product(channels, connections):
                yield (selector, channel, connection), shape, key


def _affordable(wishes: tuple[Wish, ...], room: int) -> tuple[Wish | None, ...]:
    """The wishes, each once, if there is room for so many; else (None,): any."""
    unique = tuple(dict.fromkeys(wishes))
    return unique if 0 < len(unique) <= room else (None,)


def _keys(pattern: Pattern | None, room: int) -> list[tuple[Shape, Key]]:
    """The spots on a shelf, by as many fields of the filter as there is room for; `((), ())` for none."""
    offers = [] if pattern is None else [(leaf.path, leaf.keys()) for leaf in pattern.leaves()]
    aspects = [list(dict.fromkeys(((path, lens), key) for lens, key in keys)) for path, keys in offers if keys]
    chosen: list[list[tuple[Probe, Hashable]]] = []
    for aspect in sorted(aspects, key=len):
        room //= len(aspect)
        if room:
            chosen.append(aspect)
    return [_split(combination) for combination in product(*chosen)]


def _split(combination: tuple[tuple[Probe, Hashable], ...]) -> tuple[Shape, Key]:
    ordered = sorted(combination, key=lambda aspect: aspect[0])
    return tuple(probe for probe, _ in ordered), tuple(key for _, key in ordered)
