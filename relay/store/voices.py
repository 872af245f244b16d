"""In whose names the relay posts replies: users and bots of Slack, learnt from what Slack makes of each.

An endpoint's reply to one bot of ours must not be answered through another, which hears it as anybody's message.
"""

from collections.abc import Collection

from relay.store.client import GLOBAL, Client
from relay.store.errors import translated
from relay.store.keys import Keys
from relay.store.reply import integer, rows


class Voices:
    __slots__ = ("_client", "_name")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._name = Keys(GLOBAL)("voices")

    def learn(self, ids: Collection[str]) -> None:
        """Raises StoreAway."""
        if ids:
            with translated():
                self._client.redis.sadd(self._name, *ids)

    def any_of(self, ids: Collection[str]) -> bool:
        """Whether one of them is ours. Raises StoreAway."""
        if not ids:
            return False
        with translated():
            return any(integer(known) for known in rows(self._client.redis.smismember(self._name, list(ids))))
