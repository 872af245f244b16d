"""Outcomes: what attempts did, kept for a while and only while somebody watches. The ledger does not depend on it."""

from collections.abc import Sequence

from relay.store.client import Client, Script
from relay.store.errors import translated
from relay.store.keys import Keys

WATCHED_S = 60
"""How long a watcher's word is good for. One whose line broke finds on its return what happened in between."""


class Outcomes:
    """One shard's."""

    __slots__ = ("_client", "_keys", "_publish", "shard")

    def __init__(self, client: Client, shard: int = 0) -> None:
        self.shard = shard
        self._client = client
        self._keys = Keys(shard)
        self._publish = Script("publish")

    def watch(self) -> None:
        """Let outcomes be kept for the next WATCHED_S seconds. Raises StoreAway."""
        with translated():
            self._client.redis.set(self._keys("watched"), 1, ex=WATCHED_S)

    def publish(self, outcomes: Sequence[bytes]) -> None:
        """Add these, JSON objects, if anybody watches. Raises StoreAway: nothing is lost but the sight of them."""
        self._client.run_on_shard(self._publish, self.shard, outcomes)
