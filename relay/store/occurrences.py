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
SET_EVERY_S = 60.0
LOOKS = 3


class SharedClock:
    """Redis' clock, which all workers share, from our steady one: right to half a round trip, whatever our wall
    clock says."""

    __slots__ = ("_client", "_offset_s", "_set_at")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._offset_s = 0.0
        self._set_at = float("-inf")

    def offset_s(self) -> float:
        """To be added to seconds of the steady clock. Raises StoreAway."""
        if monotonic() - self._set_at > SET_EVERY_S:
            looks = [self._look() for _ in range(LOOKS)]
            self._offset_s = min(looks)[1]
            self._set_at = monotonic()
        return self._offset_s

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
            offset_s = self._clock.offset_s()
            stamps = rows(self._client.run(self._occur, GLOBAL, _arguments(sightings, offset_s)))
        except StoreAway:
            self._clock.doubt()
            raise
        return [f"{stamp[:-6]}.{stamp[-6:]}" for stamp in map(text, stamps)]


def _arguments(sightings: Sequence[Sighting], offset_s: float) -> list[Argument]:
    arguments: list[Argument] = []
    for sighting in sightings:
        earliest, latest = ((at + offset_s) * MICRO for at in (sighting.earliest, sighting.latest))
        arguments += (sighting.fingerprint, sighting.socket, sighting.number, int(earliest), int(latest))
    return arguments
