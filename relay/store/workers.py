"""Who is there: each worker beats every few seconds; who has not for GOOD_FOR_S is taken for dead.

To take one for dead that only stood still costs a few sockets too many for a while; to wait long for one that is dead
leaves its connections with one holder. So the wait is short.
"""

from secrets import token_hex

from relay.store.client import GLOBAL, Client, Script
from relay.store.reply import rows, text

BEAT_S = 3.0
GOOD_FOR_S = 7.0
GOOD_FOR_MS = int(GOOD_FOR_S * 1000)


class Workers:
    __slots__ = ("_beat", "_client", "me")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._beat = Script("beat", shard=False)
        self.me = token_hex(6)

    def beat(self) -> frozenset[str]:
        """We are here, and take our share; answers with all who do. Raises StoreAway."""
        return self._say("here")

    def leave(self) -> frozenset[str]:
        """We are here, but want no share any more; answers with those who do. To be said again and again, as `beat`.

        Raises StoreAway.
        """
        return self._say("leaving")

    def gone(self) -> None:
        """We have let go of everything. Raises StoreAway."""
        self._say("gone")

    def _say(self, what: str) -> frozenset[str]:
        return frozenset(map(text, rows(self._client.run(self._beat, GLOBAL, (self.me, GOOD_FOR_MS, what)))))
