"""Events that have no time of their own (typing, presence): which sightings on several sockets are one occurrence,
and its time.

The rule is in scripts/occur.lua; what it keeps is kept for an hour at least.
"""

from collections.abc import Sequence

from relay.core.sighting import Sighting
from relay.store.client import GLOBAL, Argument, Client, Script
from relay.store.reply import rows, text

MICRO = 1_000_000


class Occurrences:
    __slots__ = ("_client", "_occur")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._occur = Script("occur", shard=False)

    def stamp(self, sightings: Sequence[Sighting]) -> list[str]:
        """For each sighting an `event_ts`: the same for all copies of one occurrence, never the same for two
        occurrences of equal content.

        Raises StoreAway: then ask again with the same sightings, it does no harm.
        """
        arguments: list[Argument] = []
        for sighting in sightings:
            earliest, latest = int(sighting.earliest * MICRO), int(sighting.latest * MICRO)
            arguments += (sighting.fingerprint, sighting.socket, sighting.number, earliest, latest)
        stamps = rows(self._client.run(self._occur, GLOBAL, arguments)) if arguments else ()
        return [f"{stamp[:-6]}.{stamp[-6:]}" for stamp in map(text, stamps)]
