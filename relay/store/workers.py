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
        """Say that we are here; answers with all that are. Raises StoreAway."""
        return self._told(self.me, "here")

    def leave(self) -> frozenset[str]:
        """Say that we go; answers with those that stay. Raises StoreAway."""
        return self._told(self.me, "leaves")

    def _told(self, who: str, what: str) -> frozenset[str]:
        return frozenset(map(text, rows(self._client.run(self._beat, GLOBAL, (who, GOOD_FOR_MS, what)))))
