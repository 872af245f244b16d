"""Matching: which webhooks an envelope is for, at a cost that grows with the answer and not with the webhooks.

A webhook stands on a *shelf* for each way in which it can be reached: selector, channel, connection (None: any). So an
event looks at a handful of shelves, and finds on each those whose filter it may pass (core/shelves.py). Whoever is
found is asked whether the event is on its terms, and those with the same terms are asked together. Where nobody asks
what an event says, the answer is the same for all of its kind, and is kept.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import TypeAlias, TypeVar

from msgspec import Struct

from relay.core.envelope import Envelope
from relay.core.errors import RelayError
from relay.core.ids import ConnectionId, WebhookId
from relay.core.reading import Reading
from relay.core.selectors import is_glob, is_own, plain_selectors, selects
from relay.core.shelves import FEW, Shelf, spots
from relay.core.tables import Spot
from relay.core.terms import Terms, terms_of
from relay.core.webhook import Order, Webhook, lane_of

SPOTS = 4096
"""In how many spots a webhook may stand, for memory's sake; beyond that, fewer of its wishes are used to find it."""

KINDS = 4096
"""For how many kinds of event the selectors are remembered."""

READY = 65536
"""Matches that are kept, for memory's sake: a word each, and a few for each answer."""

Place: TypeAlias = tuple[str | None, ConnectionId | None]
"""A channel and a connection; None: any."""

Wish = TypeVar("Wish")


class Match(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One delivery to be: `lane` is "" unless the webhook wants order, then what must stay in order."""

    webhook: WebhookId
    lane: str = ""


class Subscription(Struct, frozen=True):
    """A webhook and its terms."""

    webhook: Webhook
    terms: Terms

    def passes(self, reading: Reading) -> bool:
        return self.terms.accept(reading)


def subscribe(webhook: Webhook) -> Subscription:
    """Raises InvalidPattern if the filter cannot be read."""
    return Subscription(webhook, terms_of(webhook))


def passes(webhook: Webhook, envelope: Envelope) -> bool:
    """Whether `envelope` is for `webhook`, enabled or not: the law that `Matcher` keeps. Raises InvalidPattern."""
    named = any(selects(selector, envelope.kind) for selector in webhook.events)
    return named and subscribe(webhook).passes(Reading(envelope))


class Matcher:
    """An index of webhooks, changed in place: a change costs what that one webhook costs."""

    def __init__(self, webhooks: Iterable[Webhook] = (), *, few: int = FEW, ready: int = READY) -> None:
        """`few`: so many different terms at one place are asked without looking for them; `ready`: so many matches are
        kept for those who come next.
        """
        self.broken: dict[WebhookId, RelayError] = {}  # webhooks whose filter cannot be read: they match nothing
        self._known: dict[WebhookId, Subscription] = {}
        self._rooms: dict[str, dict[Place, Shelf]] = {}  # by selector
        self._few = few
        self._globs: Counter[str] = Counter()
        self._selectors: dict[str, list[str]] = {}  # kind → every selector, registered or plain, that means it
        self._heeding = 0  # webhooks to which the channel matters
        self._ready: dict[tuple[str, str, ConnectionId | None], Sequence[Match]] = {}  # by kind, channel, connection
        self._most_ready = self._ready_room = ready
        self.change(webhooks)

    def __len__(self) -> int:
        return len(self._known)

    def __repr__(self) -> str:
        return f"<Matcher {len(self._known)} webhooks in {len(self._rooms)} rooms, {len(self.broken)} broken>"

    def change(self, changed: Iterable[Webhook] = (), removed: Iterable[WebhookId] = ()) -> None:
        """Forget `removed`, and know `changed` as they are now, new ones among them."""
        self._forget_answers()
        for webhook_id in removed:
            self._forget(webhook_id)
        for webhook in changed:
            self._forget(webhook.id)
            self._learn(webhook)

    def match(self, envelope: Envelope) -> list[Webhook]:
        """Every webhook that `envelope` is for, each once, disabled ones too; in no promised order."""
        return list(_accepting(self._shelves(envelope), Reading(envelope)).values())

    def matches(self, envelope: Envelope) -> Sequence[Match]:
        """A delivery to each webhook that `envelope` is for, in the order of their ids; where no filter had a say, the
        same object for the next such event.
        """
        likeness = (envelope.kind, envelope.channel if self._heeding else "", envelope.connection)
        ready = self._ready.get(likeness)
        if ready is not None:
            return ready
        shelves = self._shelves(envelope)
        webhooks = _accepting(shelves, Reading(envelope))
        matches = [Match(webhook=id, lane=lane_of(webhooks[id], envelope.channel)) for id in sorted(webhooks)]
        if not any(shelf.asks for shelf in shelves):
            self._ready_room -= 1 + len(matches)
            if self._ready_room < 0:
                self._forget_answers()
            self._ready[likeness] = matches
        return matches

    def matches_of(self, envelopes: Sequence[Envelope]) -> Sequence[Sequence[Match]]:
        """`matches` of each. For most the answer is ready, and then nothing is done for each but to look it up."""
        ready, heeding = self._ready, self._heeding
        try:
            return [ready[one.kind, one.channel if heeding else "", one.connection] for one in envelopes]
        except KeyError:
            return [self.matches(one) for one in envelopes]

    def _forget_answers(self) -> None:
        self._ready.clear()
        self._ready_room = self._most_ready

    def _shelves(self, envelope: Envelope) -> list[Shelf]:
        """Where those stand who may want it."""
        places = _places(envelope.channel or None, envelope.connection)
        rooms = filter(None, map(self._rooms.get, self._meaning(envelope.kind)))
        return [room[place] for room in rooms for place in places if place in room]

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
        self._heeding += _heeds_channels(webhook)
        for selector, place, at in _spots(subscription):
            room = self._rooms.setdefault(selector, {})
            if place not in room:
                room[place] = Shelf(self._few)
            room[place].put(webhook, subscription.terms, at)
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
        self._heeding -= _heeds_channels(subscription.webhook)
        for selector, place, at in _spots(subscription):
            room = self._rooms[selector]
            room[place].drop(subscription.webhook, subscription.terms, at)
            if not len(room[place]):
                del room[place]
            if not room:
                del self._rooms[selector]
        for glob in filter(is_glob, dict.fromkeys(subscription.webhook.events)):
            self._globs[glob] -= 1
            if not self._globs[glob]:
                del self._globs[glob]
                for kind, selectors in self._selectors.items():
                    if selects(glob, kind):
                        selectors.remove(glob)


def _places(channel: str | None, connection: ConnectionId | None) -> tuple[Place, ...]:
    """Where an event looks."""
    if channel is None:
        return ((None, connection), (None, None)) if connection else ((None, None),)
    if connection is None:
        return (channel, None), (None, None)
    return (channel, connection), (channel, None), (None, connection), (None, None)


def _accepting(shelves: Iterable[Shelf], reading: Reading) -> dict[WebhookId, Webhook]:
    """Those on the shelves on whose terms the event is."""
    accepting: dict[WebhookId, Webhook] = {}
    for shelf in shelves:
        for crowd in shelf.found(reading):
            for terms, webhooks in crowd.items():
                if terms.accept(reading):
                    accepting.update(webhooks)
    return accepting


def _heeds_channels(webhook: Webhook) -> bool:
    return bool(webhook.channels) or webhook.order is Order.CHANNEL


def _spots(subscription: Subscription) -> Iterator[tuple[str, Place, Sequence[Spot]]]:
    """Everywhere that a webhook stands: an event that it wants looks at one of these spots at least."""
    webhook = subscription.webhook
    for selector in dict.fromkeys(webhook.events):
        room = SPOTS // len(webhook.events)
        channels = _affordable(() if is_own(selector) else webhook.channels, room)
        room //= len(channels)
        connections = _affordable(() if is_own(selector) else webhook.connections, room)
        room //= len(connections)
        at = spots(subscription.terms.pattern, room)
        for place in product(channels, connections):
            yield selector, place, at


def _affordable(wishes: tuple[Wish, ...], room: int) -> tuple[Wish | None, ...]:
    """The wishes, each once, if there is room for so many; else (None,): any."""
    unique = tuple(dict.fromkeys(wishes))
    return unique if 0 < len(unique) <= room else (None,)
