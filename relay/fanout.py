"""Journal → deliveries: a stretch of events is matched, and becomes deliveries in one step.

Every worker does this for the same journal, and the store lets only one win each stretch. Whoever lost the last one is
polite: it waits a moment before it tries the next, so that of several workers one does the work and the others take
over within that moment if it ends.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from time import monotonic

import gevent

from relay.core.webhook import lane_of
from relay.report import EventsMatched, EventUnreadable, Reporter, UnreadableFilter
from relay.store.directory import Directory
from relay.store.journal import Entry, Journal, Match, Stretch

EVENTS = 256
"""Events at a time."""

DELIVERIES = 512
"""Deliveries that are made in one step: a script keeps everybody else waiting."""

POLITE_S = 0.05

TEND_S = 30.0
"""How often that is done which no call does by itself."""

STALE_TURNS = 3
"""After so many refusals in a row because of changed webhooks, a process has died between telling the record and
telling the shard, or Redis has lost some."""

STUBBORN_TURNS = 20
"""After so many, what the shard does not know is passed over: one bad record must not stop all events."""

Matching = Callable[[Entry], Sequence[Match]]


class FanOut:
    """`turn` is a loop's: see relay/loops.py."""

    def __init__(self, journal: Journal, directory: Directory, report: Reporter) -> None:
        self._journal = journal
        self._directory = directory
        self._report = report
        self._cursor: str | None = None  # None: ask the store
        self._polite = False
        self._stale = 0
        self._tended: float | None = None
        self._told_broken: set[str] = set()

    def turn(self) -> None:
        """Wait for events, a few seconds at most, and make them into deliveries. Raises StoreAway."""
        self._tend()
        cursor, self._cursor = self._cursor or self._journal.cursor(), None
        entries = self._journal.read(cursor.partition("|")[0], EVENTS)
        if not entries:
            self._cursor = cursor  # nobody can have moved it: there is nothing behind it
            return
        if self._polite:
            gevent.sleep(POLITE_S)
            if self._journal.cursor() != cursor:
                return
        for stretch in stretches(cursor, entries, self._matching(entries)):
            if not self._fan_out(stretch):
                return

    def _tend(self) -> None:
        if self._tended is None or monotonic() - self._tended > TEND_S:
            self._directory.mend(rest_s=TEND_S)  # one for all shards of the process
            self._journal.tend()
            self._tended = monotonic()

    def _fan_out(self, stretch: Stretch) -> bool:
        """Whether we did it. Nothing waits between matching a stretch and this: the version is the matching's own."""
        insist = self._stale >= STUBBORN_TURNS
        answer = self._journal.fan_out(stretch, version=self._directory.version, insist=insist)
        self._polite = answer == "behind"
        if answer == "stale":
            self._catch_up()
        if answer != "done":
            return False
        self._cursor, self._stale = stretch.following, 0
        matches = [len(matches) for _, matches in stretch.matched]
        self._report(EventsMatched(events=stretch.begun, filtered=matches.count(0), deliveries=sum(matches)))
        return True

    def _catch_up(self) -> None:
        self._stale += 1
        late = self._stale >= STALE_TURNS
        if late:
            self._directory.mend()
        self._directory.refresh(anew=late)
        for id, why in self._directory.matcher.broken.items():
            if id not in self._told_broken:
                self._told_broken.add(id)
                self._report(UnreadableFilter(webhook=id, why=str(why)))

    def _matching(self, entries: Sequence[Entry]) -> Matching:
        """What finds an entry's matches, in the order of the webhooks' ids, without waiting for anything."""
        directory = self._directory
        if not len(directory.matcher):
            return lambda _: ()
        envelopes = self._journal.envelopes(entry.event_id for entry in entries)

        @lru_cache(maxsize=1)  # an event with very many is asked for again and again
        def matches(entry: Entry, _version: int) -> Sequence[Match]:
            envelope = envelopes.get(entry.event_id)
            if envelope is None:
                self._report(EventUnreadable(event=entry.event_id))
                return ()
            webhooks = sorted(directory.matcher.match(envelope), key=attrgetter("id"))
            return [Match(webhook=webhook.id, lane=lane_of(webhook, envelope.channel)) for webhook in webhooks]

        return lambda entry: matches(entry, directory.version)


def stretches(
    cursor: str, entries: Sequence[Entry], matching: Matching, *, most: int = DELIVERIES
) -> Iterator[Stretch]:
    """`entries`, those behind `cursor`, cut into stretches of at most `most` deliveries. Each is matched when it is
    asked for, and not before.
    """
    while entries:
        stretch, whole = _first_stretch(cursor, entries, matching, most=most)
        yield stretch
        cursor, entries = stretch.following, entries[whole:]


def _first_stretch(cursor: str, entries: Sequence[Entry], matching: Matching, *, most: int) -> tuple[Stretch, int]:
    """The first, and how many entries it brings to an end. An event is cut only if it alone has more than `most`."""
    place, _, done = cursor.partition("|")
    matched: list[tuple[Entry, Sequence[Match]]] = []
    begun, room = 0, most
    for entry in entries:
        matches = [match for match in matching(entry) if match.webhook > done]
        begins = not done
        if len(matches) > room:
            if matched:
                break
            cut = f"{place}|{matches[most - 1].webhook}"
            return Stretch(cursor=cursor, following=cut, matched=[(entry, matches[:most])], begun=int(begins)), 0
        matched.append((entry, matches))
        begun, room, place, done = begun + begins, room - len(matches), entry.position, ""
    return Stretch(cursor=cursor, following=place, matched=matched, begun=begun), len(matched)
