"""Between the sockets and the journal: a bounded buffer, and one loop that empties it in batches.

Sockets never wait for Redis: RTM has no acknowledgement, so a frame that is not read is as lost as one that is not
kept. While Redis is away, events wait here; what does not fit is counted and told. Nothing leaves before append has
answered, and append knows what it has seen, so a batch whose answer was lost is simply sent again.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import chain
from operator import attrgetter
from time import monotonic
from typing import Protocol

from gevent.event import Event as Flag

from relay.core.envelope import Envelope
from relay.core.own_event import OWN
from relay.core.sighting import Sighting
from relay.loops import Loop, at_most
from relay.report import EventsKept, EventsLost, Reporter
from relay.slack.buffer import Arrival, Buffer, Untimed, events_of
from relay.slack.options import SlackOptions
from relay.store.errors import StoreAway

BATCH_EVENTS = 500
BATCH_BYTES = 8 * 1024 * 1024
IDLE_S = 1.0

ENVELOPES = attrgetter("envelopes")


class Journal(Protocol):
    def append(self, envelopes: Sequence[Envelope]) -> list[bool]:
        """Raises StoreAway."""


class Occurrences(Protocol):
    def stamp(self, sightings: Sequence[Sighting]) -> list[str]:
        """Raises StoreAway."""


class Inbox:
    __slots__ = (
        "_buffer",
        "_filled",
        "_journal",
        "_lost",
        "_occurrences",
        "_report",
        "loop",
    )

    def __init__(
        self,
        name: str = "inbox",
        *,
        journal: Journal,
        occurrences: Occurrences,
        options: SlackOptions,
        report: Reporter,
    ) -> None:
        self._journal = journal
        self._occurrences = occurrences
        self._report = report
        self._buffer = Buffer(limit_events=options.buffer_events, limit_bytes=options.buffer_bytes)
        self._filled = Flag()
        self._lost: Counter[str] = Counter()
        self.loop = Loop(name, self._turn, report)

    def __repr__(self) -> str:
        return f"<Inbox {self._buffer!r}>"

    def put(self, arrivals: Iterable[Arrival | Untimed]) -> None:
        """Never waits. What does not fit is lost, and told."""
        for arrival in arrivals:
            if lost := self._buffer.put(arrival):
                self._lost[arrival.source] += lost
        if self._buffer.events:
            self._filled.set()

    def start(self) -> None:
        self.loop.start()

    def stop(self, within_s: float) -> None:
        """Store what is left, as far as that is possible within `within_s`."""
        deadline = monotonic() + within_s
        self._filled.set()
        self.loop.stop(within_s)
        with suppress(StoreAway), at_most(deadline - monotonic()):
            while self._buffer.events:
                self._store_a_batch()
        for arrival in self._buffer.first(most_events=self._buffer.events, most_bytes=sys.maxsize):
            self._lost[arrival.source] += events_of(arrival)
        self._tell_losses()

    def _turn(self) -> None:
        self._tell_losses()
        if self._buffer.events:
            self._store_a_batch()
        else:
            self._filled.clear()
            self._filled.wait(IDLE_S)

    def _store_a_batch(self) -> None:
        batch = self._buffer.first(most_events=BATCH_EVENTS, most_bytes=BATCH_BYTES)
        arrivals = self._timed(batch)
        envelopes = list(chain.from_iterable(map(ENVELOPES, arrivals)))
        self._tell_kept(arrivals, self._journal.append(envelopes))
        self._buffer.drop(batch)
        for arrival in arrivals:
            if arrival.stored is not None:
                arrival.stored()

    def _timed(self, batch: Sequence[Arrival | Untimed]) -> list[Arrival]:
        sightings = [arrival.sighting for arrival in batch if isinstance(arrival, Untimed)]
        stamps = iter(self._occurrences.stamp(sightings) if sightings else ())
        return [_stamped(arrival, next(stamps)) if isinstance(arrival, Untimed) else arrival for arrival in batch]

    def _tell_kept(self, arrivals: Sequence[Arrival], are_new: Sequence[bool]) -> None:
        kept: dict[str, list[bool]] = {}
        at = 0
        for arrival in arrivals:
            start, at = at, at + len(arrival.envelopes)
            kept.setdefault(arrival.envelopes[0].connection or OWN, []).extend(are_new[start:at])
        for source, which in kept.items():
            new = sum(which)
            self._report(EventsKept(connection=source, new=new, copies=len(which) - new))

    def _tell_losses(self) -> None:
        if not self._lost:
            return
        lost, self._lost = self._lost, Counter()
        for source, events in lost.items():
            self._report(EventsLost(connection=source, events=events))


def _stamped(arrival: Untimed, stamp: str) -> Arrival:
    envelopes = arrival.maker.make({**arrival.event, "event_ts": stamp}, arrival.received_at)
    return Arrival(source=arrival.source, envelopes=envelopes, size_bytes=arrival.size_bytes)
