"""Events between the sockets and the journal, in the order in which they came: as many as are allowed."""

from collections import deque
from collections.abc import Callable, Sequence

from msgspec import Struct

from relay.core.envelope import Envelope
from relay.core.rtm_envelopes import RtmEnvelopes
from relay.core.rtm_event import Event
from relay.core.sighting import Sighting


class Arrival(Struct, frozen=True, kw_only=True):
    """Envelopes that came together. `stored` is called when the journal has them: Socket Mode's acknowledgement, of a
    single one; RTM has none.
    """

    source: str  # the connection's id
    envelopes: Sequence[Envelope]
    size_bytes: int
    stored: Callable[[], None] | None = None


class Untimed(Struct, frozen=True, kw_only=True):
    """An RTM event without a time of its own, which the store must give it first."""

    source: str
    event: Event
    sighting: Sighting
    maker: RtmEnvelopes
    size_bytes: int
    received_at: float


def events_of(arrival: Arrival | Untimed) -> int:
    return len(arrival.envelopes) if isinstance(arrival, Arrival) else 1


class Buffer:
    __slots__ = ("_arrivals", "_bytes", "_limit_bytes", "_limit_events", "events")

    def __init__(self, *, limit_events: int, limit_bytes: int) -> None:
        self._limit_events = limit_events
        self._limit_bytes = limit_bytes
        self._arrivals: deque[Arrival | Untimed] = deque()
        self._bytes = 0
        self.events = 0

    def __repr__(self) -> str:
        return f"<Buffer waiting={self.events} bytes={self._bytes}>"

    def put(self, arrival: Arrival | Untimed) -> int:
        """How many of its events find no room."""
        events = events_of(arrival)
        if self.events + events <= self._limit_events and self._bytes + arrival.size_bytes <= self._limit_bytes:
            self._arrivals.append(arrival)
            self.events += events
            self._bytes += arrival.size_bytes
            return 0
        if isinstance(arrival, Untimed) or events == 1:
            return 1
        return sum(self.put(_alone(arrival, envelope)) for envelope in arrival.envelopes)

    def first(self, *, most_events: int, most_bytes: int) -> list[Arrival | Untimed]:
        """What came first, without taking it out; the very first whatever its size."""
        batch: list[Arrival | Untimed] = []
        events = size_bytes = 0
        for arrival in self._arrivals:
            events += events_of(arrival)
            size_bytes += arrival.size_bytes
            if batch and (events > most_events or size_bytes > most_bytes):
                break
            batch.append(arrival)
        return batch

    def drop(self, batch: Sequence[Arrival | Untimed]) -> None:
        """Take out what `first` has shown."""
        for arrival in batch:
            self._arrivals.popleft()
            self.events -= events_of(arrival)
            self._bytes -= arrival.size_bytes


def _alone(arrival: Arrival, envelope: Envelope) -> Arrival:
    return Arrival(source=arrival.source, envelopes=(envelope,), size_bytes=len(envelope.body))
