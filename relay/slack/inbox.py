"""Between the sockets and the journal: a bounded buffer, and one loop that empties it in batches.

Sockets never wait for Redis: RTM has no acknowledgement, so a frame that is not read is as lost as one that is not
kept. While Redis is away, events wait here; what does not fit is counted and told. Nothing leaves before append has
answered, and append knows what it has seen, so a batch whose answer was lost is simply sent again.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import compress, islice
from time import monotonic
from typing import Protocol

from gevent.event import Event as Flag
from msgspec import Struct

from relay.core.envelope import Envelope
from relay.core.own_event import OWN
from relay.core.rtm_event import Event, RtmEnvelopes
from relay.core.sighting import Sighting
from relay.loops import Loop, at_most
from relay.report import EventsKept, EventsLost, Reporter
from relay.slack.options import SlackOptions
from relay.store.errors import StoreAway

BATCH_EVENTS = 500
BATCH_BYTES = 8 * 1024 * 1024
IDLE_S = 1.0


class Journal(Protocol):
    def append(self, envelopes: Sequence[Envelope]) -> list[bool]:
        """Raises StoreAway."""


class Occurrences(Protocol):
    def stamp(self, sightings: Sequence[Sighting]) -> list[str]:
        """Raises StoreAway."""


class Arrival(Struct, frozen=True, kw_only=True):
    """Envelopes of one frame. `stored` is called when the journal has them: Socket Mode's acknowledgement; RTM has
    none."""

    source: str  # the connection's id
    envelopes: tuple[Envelope, ...]
    size_bytes: int
    stored: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Untimed:
    """An RTM event without a time of its own, which the store must give it first."""

    source: str
    event: Event
    sighting: Sighting
    maker: RtmEnvelopes
    size_bytes: int
    received_at: float


class Inbox:
    __slots__ = (
        "_buffer",
        "_filled",
        "_journal",
        "_lost",
        "_occurrences",
        "_options",
        "_report",
        "_size_bytes",
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
        self._options = options
        self._report = report
        self._buffer: deque[Arrival | Untimed] = deque()
        self._size_bytes = 0
        self._filled = Flag()
        self._lost: Counter[str] = Counter()
        self.loop = Loop(name, self._turn, report)

    def __repr__(self) -> str:
        return f"<Inbox waiting={len(self._buffer)} bytes={self._size_bytes}>"

    def put(self, arrivals: Sequence[Arrival | Untimed]) -> None:
        """Never waits. What does not fit is lost, and told."""
        buffer, options = self._buffer, self._options
        for arrival in arrivals:
            size_bytes = self._size_bytes + arrival.size_bytes
            if len(buffer) >= options.buffer_events or size_bytes > options.buffer_bytes:
                self._lost[arrival.source] += 1
            else:
                buffer.append(arrival)
                self._size_bytes = size_bytes
        if buffer:
            self._filled.set()

    def start(self) -> None:
        self.loop.start()

    def stop(self, within_s: float) -> None:
        """Store what is left, as far as that is possible within `within_s`."""
        deadline = monotonic() + within_s
        self._filled.set()
        self.loop.stop(within_s)
        with suppress(StoreAway), at_most(deadline - monotonic()):
            while self._buffer:
                self._store_a_batch()
        self._lost.update(arrival.source for arrival in self._buffer)
        self._tell_losses()

    def _turn(self) -> None:
        self._tell_losses()
        if self._buffer:
            self._store_a_batch()
        else:
            self._filled.clear()
            self._filled.wait(IDLE_S)

    def _store_a_batch(self) -> None:
        arrivals, size_bytes = self._batch()
        timed = self._timed(arrivals)
        envelopes = [envelope for arrival in timed for envelope in arrival.envelopes]
        self._tell_kept(envelopes, self._journal.append(envelopes))
        for _ in arrivals:
            self._buffer.popleft()
        self._size_bytes -= size_bytes
        for arrival in timed:
            if arrival.stored is not None:
                arrival.stored()

    def _batch(self) -> tuple[list[Arrival | Untimed], int]:
        """The first to have come, and their size in bytes."""
        batch: list[Arrival | Untimed] = []
        size_bytes = 0
        for arrival in islice(self._buffer, BATCH_EVENTS):
            more_bytes = size_bytes + arrival.size_bytes
            if more_bytes > BATCH_BYTES and batch:
                break
            batch.append(arrival)
            size_bytes = more_bytes
        return batch, size_bytes

    def _timed(self, batch: Sequence[Arrival | Untimed]) -> list[Arrival]:
        sightings = [arrival.sighting for arrival in batch if isinstance(arrival, Untimed)]
        stamps = iter(self._occurrences.stamp(sightings) if sightings else ())
        return [_stamped(arrival, next(stamps)) if isinstance(arrival, Untimed) else arrival for arrival in batch]

    def _tell_kept(self, envelopes: Sequence[Envelope], are_new: Sequence[bool]) -> None:
        sources = [envelope.connection or OWN for envelope in envelopes]
        came, new = Counter(sources), Counter(compress(sources, are_new))
        for source, events in came.items():
            self._report(EventsKept(connection=source, new=new[source], copies=events - new[source]))

    def _tell_losses(self) -> None:
        lost, self._lost = self._lost, Counter()
        for source, events in lost.items():
            self._report(EventsLost(connection=source, events=events))


def _stamped(arrival: Untimed, stamp: str) -> Arrival:
    envelopes = arrival.maker.make({**arrival.event, "event_ts": stamp}, arrival.received_at)
    return Arrival(source=arrival.source, envelopes=envelopes, size_bytes=arrival.size_bytes)
