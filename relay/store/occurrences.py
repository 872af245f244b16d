"""Events that have no time of their own (typing, presence): which sightings on several sockets are one occurrence,
and its time.

The rule is in scripts/occur.lua; what it keeps is kept for an hour at least.
"""

from collections.abc import Sequence
from time import monotonic

from relay.core.sighting import Sighting
from relay.store.client import GLOBAL, Argument, Client, Script
from relay.store.errors import StoreAway, translated
from relay.store.reply import rows, text

MICRO = 1_000_000
SET_EVERY_S = 10.0
LOOKS = 3
DRIFT_S = 0.001
"""What two clocks may drift apart until they are compared again."""


class SharedClock:
    """Redis' clock, which all workers share, from our steady one, whatever our wall clock says."""

    __slots__ = ("_client", "_offset_s", "_set_at", "_trip_s")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._offset_s = self._trip_s = 0.0
        self._set_at = float("-inf")

    def set(self) -> None:
        """Compare the clocks, if that is long ago. Raises StoreAway."""
        if monotonic() - self._set_at > SET_EVERY_S:
            self._trip_s, self._offset_s = min(self._look() for _ in range(LOOKS))
            self._set_at = monotonic()

    def bounds(self, earliest: float, latest: float) -> tuple[int, int]:
        """Microseconds of Redis' clock that are surely not after `earliest` and surely not before `latest`."""
        doubt_s = self._trip_s / 2 + DRIFT_S
        return int((earliest + self._offset_s - doubt_s) * MICRO), int((latest + self._offset_s + doubt_s) * MICRO)

    def doubt(self) -> None:
        """Another server may be behind the same address now: look again."""
        self._set_at = float("-inf")

    def _look(self) -> tuple[float, float]:
        """The round trip, and the offset if Redis looked at its clock halfway."""
        before = monotonic()
        with translated():
            seconds, micros = self._client.redis.time()
        after = monotonic()
        return after - before, seconds + micros / MICRO - (before + after) / 2


class Occurrences:
    __slots__ = ("_client", "_clock", "_occur")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._clock = SharedClock(client)
        self._occur = Script("occur", shard=False)

    def stamp(self, sightings: Sequence[Sighting]) -> list[str]:
        """For each sighting an `event_ts`: the same for all copies of one occurrence, never the same for two of equal
        content.

        Raises StoreAway: then ask again with the same sightings, it does no harm.
        """
        if not sightings:
            return []
        try:
            self._clock.set()
            stamps = rows(self._client.run(self._occur, GLOBAL, self._arguments(sightings)))
        except StoreAway:
            self._clock.doubt()
            raise
        return [f"{stamp[:-6]}.{stamp[-6:]}" for stamp in map(text, stamps)]

    def _arguments(self, sightings: Sequence[Sighting]) -> list[Argument]:
        arguments: list[Argument] = []
        for sighting in sightings:
            bounds = self._clock.bounds(sighting.earliest, sighting.latest)
            arguments += (sighting.fingerprint, sighting.socket, sighting.number, *bounds)
        return arguments
