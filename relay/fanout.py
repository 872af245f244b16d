"""Journal → deliveries: a stretch of events is matched, and becomes deliveries in one step.

Every worker does this for the same journal, and the store lets only one win each stretch. Whoever lost the last one is
polite: it waits a moment before it tries the next, so that of several workers one does the work and the others take
over within that moment if it ends.

Where nothing waits in the journal, events need not wait there either: who hears them matches them first, and then keeps
them, makes them into deliveries and borrows those in one round trip (`append`).
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from time import monotonic, time

import gevent
from gevent.event import Event
from gevent.lock import Semaphore

from relay.core.envelope import Envelope
from relay.core.ids import EventId
from relay.core.matching import Match
from relay.core.trace import Trace, arrivals, fan_out
from relay.core.webhook import lane_of
from relay.report import EventsMatched, EventUnreadable, Reporter, UnreadableFilter
from relay.store.deliveries import Claimed
from relay.store.directory import Directory
from relay.store.journal import ECHO, Entry, Journal, Passed, Stretch, is_behind, position_of

EVENTS = 256
"""Events at a time."""

DELIVERIES = 512
"""Deliveries that are made in one step: a script keeps everybody else waiting."""

POLITE_S = 0.05

REST_S = 0.05
"""So long after events were passed on nobody waits in Redis for those of others: the next to be passed on would find
them, and each of our own would wake who waits there.
"""

TEND_S = 30.0
"""How often that is done which no call does by itself."""

STALE_TURNS = 3
"""After so many refusals in a row because of changed webhooks, a process has died between telling the record and
telling the shard, or Redis has lost some."""

STUBBORN_TURNS = 20
"""After so many, what the shard does not know is passed over: one bad record must not stop all events."""

Matching = Callable[[Entry], Sequence[Match]]


Borrow = Callable[[Callable[[int], Claimed]], object]
"""Borrows deliveries as soon as they are made: calls what it is given with the number that there is room for, and
begins those that come.
"""


class FanOut:
    """`turn` is a loop's: see relay/loops.py."""

    def __init__(
        self,
        journal: Journal,
        directory: Directory,
        report: Reporter,
        *,
        borrow: Borrow | None = None,
        trace: Trace | None = None,
    ) -> None:
        self._journal = journal
        self._borrow = borrow
        self._directory = directory
        self._report = report
        self._trace = trace
        self._cursor: str | None = None  # None: ask the store
        self._caught_up = False  # there was nothing behind it when we last looked
        self._passed_on_at = float("-inf")
        self._left_over = Event()  # something was kept and not passed on
        self._working = Semaphore()
        self._polite = False
        self._stale = 0
        self._tended: float | None = None
        self._told_broken: set[str] = set()

    def turn(self) -> None:
        """Wait for events, a few seconds at most, and make them into deliveries. Raises StoreAway."""
        self._tend()
        if self._caught_up and monotonic() - self._passed_on_at < REST_S:
            self._left_over.clear()
            self._left_over.wait(REST_S)
            return
        try:
            if self._caught_up:
                self._wait_for_news()
            with self._working:  # what is being passed on moves the cursor
                if not self._caught_up:
                    self._fan_out_all()
        except BaseException:
            self._cursor = None
            raise

    def _wait_for_news(self) -> None:
        """Until there is something behind the cursor, a few seconds at most; what is passed on meanwhile is no news."""
        cursor = self._cursor = self._cursor or self._journal.cursor()
        news = self._journal.wait(position_of(cursor))
        with self._working:
            if news is not None and not self._has_passed(news):
                self._caught_up = False

    def _has_passed(self, position: str) -> bool:
        return self._cursor is not None and not is_behind(position, position_of(self._cursor))

    def append(self, envelopes: Sequence[Envelope]) -> list[bool]:
        """Keep them, and pass them on at once if nothing waits before them. True for each that is new. Raises
        StoreAway: then ask again, it does no harm.
        """
        are_new: list[bool] = []
        for start in range(0, len(envelopes), EVENTS):
            are_new += self._append(envelopes[start : start + EVENTS])
        if self._trace is not None:
            self._trace(arrivals(envelopes, are_new, now=time()))
        return are_new

    def _append(self, envelopes: Sequence[Envelope]) -> list[bool]:
        stretch = self._stretch_of(envelopes)
        if stretch is None or self._borrow is None:
            self._caught_up = False
            are_new = self._journal.append(envelopes)
        else:
            with self._working:
                are_new = self._pass_on(envelopes, stretch, self._borrow)
        if not self._caught_up:
            self._left_over.set()
        return are_new

    def _stretch_of(self, envelopes: Sequence[Envelope]) -> Stretch | None:
        """What becomes of them, if they may be passed on."""
        cursor = self._cursor
        if cursor is None or "|" in cursor or not self._caught_up or self._working.locked():
            return None
        matches = self._directory.matcher.matches_of(envelopes)
        if sum(map(len, matches)) > DELIVERIES:
            return None
        matched = list(zip([one.event_id for one in envelopes], matches, strict=True))
        return Stretch(cursor=cursor, following="", matched=matched, begun=len(envelopes))

    def _pass_on(self, envelopes: Sequence[Envelope], stretch: Stretch, borrow: Borrow) -> list[bool]:
        passed: list[Passed] = []

        def ask(room: int) -> Claimed:
            version = self._directory.version
            passed.append(self._journal.pass_on(envelopes, stretch, version=version, room=room))
            return passed[0].claimed

        cursor, self._cursor, self._caught_up = self._cursor, None, False
        began = time()
        borrow(ask)
        if passed[0].word == "done":
            self._cursor, self._caught_up, self._passed_on_at = passed[0].cursor, True, monotonic()
            self._tell(stretch, began)
        elif passed[0].word == "crowded":
            self._cursor = cursor
        return passed[0].are_new

    def _fan_out_all(self) -> None:
        if self._polite and self._another_does_it():
            return
        cursor = self._cursor = self._cursor or self._journal.cursor()
        entries = self._journal.oldest(f"({position_of(cursor)}", "+", EVENTS)
        self._caught_up = len(entries) < EVENTS
        if not entries:
            return  # nobody can have moved it: there is nothing behind it
        self._cursor = None
        for stretch in stretches(cursor, entries, self._matching(entries)):
            if not self._fan_out(stretch):
                return

    def _another_does_it(self) -> bool:
        """Who lost the last stretch reads and matches nothing while the cursor moves without him."""
        cursor = self._cursor or self._journal.cursor()
        gevent.sleep(POLITE_S)
        self._cursor = self._journal.cursor()
        return self._cursor != cursor

    def _tend(self) -> None:
        if self._tended is None or monotonic() - self._tended > TEND_S:
            self._directory.mend(rest_s=TEND_S)  # one for all shards of the process
            self._journal.tend()
            self._tended = monotonic()

    def _fan_out(self, stretch: Stretch) -> bool:
        """Whether we did it. Nothing waits between matching a stretch and this: the version is the matching's own."""
        insist = self._stale >= STUBBORN_TURNS
        began = time()
        answer = self._journal.fan_out(stretch, version=self._directory.version, insist=insist)
        self._polite = answer == "behind"
        if answer == "stale":
            self._catch_up()
        if answer != "done":
            return False
        self._cursor, self._stale = stretch.following, 0
        self._tell(stretch, began)
        return True

    def _tell(self, stretch: Stretch, began: float) -> None:
        sizes = [len(matches) for _, matches in stretch.matched]
        filtered = sizes.count(0)
        if filtered:
            filtered -= sum(event.startswith(ECHO) for event, matches in stretch.matched if not matches)
        self._report(EventsMatched(events=stretch.begun, filtered=filtered, deliveries=sum(sizes)))
        if self._trace is not None:
            ended = time()
            self._trace(
                fan_out(EventId(event.removeprefix(ECHO)), len(matches), at=stretch.cursor, began=began, ended=ended)
                for event, matches in stretch.matched
            )

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
        events = [entry.event_id for entry in entries]
        envelopes = dict(zip(events, self._journal.envelopes(events), strict=True))

        @lru_cache(maxsize=1)  # an event with very many is asked for again and again
        def matches(entry: Entry, _version: int) -> Sequence[Match]:
            envelope = envelopes.get(entry.event_id)
            if envelope is None:
                self._report(EventUnreadable(event=entry.event_id))
                return ()
            return self._echoes(entry, envelope) if entry.echo else directory.matcher.matches(envelope)

        return lambda entry: matches(entry, directory.version)

    def _echoes(self, entry: Entry, first: Envelope) -> Sequence[Match]:
        """Those who lack it because it first came by a connection that is none of theirs."""
        webhooks = self._directory.matcher.match(entry.heard(first))
        lacking = {each.id: each for each in webhooks if each.connections and first.connection not in each.connections}
        return [Match(webhook=id, lane=lane_of(lacking[id], first.channel)) for id in sorted(lacking)]


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
    matched: list[tuple[str, Sequence[Match]]] = []
    begun, room = 0, most
    for entry in entries:
        matches = matching(entry)
        if done:
            matches = [match for match in matches if match.webhook > done]
        begins = not done and not entry.echo
        if len(matches) > room:
            if matched:
                break
            cut = f"{place}|{matches[most - 1].webhook}"
            return Stretch(cursor=cursor, following=cut, matched=[(entry.name, matches[:most])], begun=int(begins)), 0
        matched.append((entry.name, matches))
        begun, room, place, done = begun + begins, room - len(matches), entry.position, ""
    return Stretch(cursor=cursor, following=place, matched=matched, begun=begun), len(matched)
