"""Idempotency keys: a request that is sent twice is done once, and answered the same.

The first to come writes a mark; while it works, others are told so. Its answer is kept for KEPT_S, sealed, as it may
hold a secret. A mark whose process died is forgotten after WORKING_S.
"""

from msgspec import Struct

from relay.store.client import GLOBAL, Client
from relay.store.errors import translated
from relay.store.keys import Keys
from relay.store.reply import maybe_text
from relay.store.vault import Vault

KEPT_S = 86_400
WORKING_S = 60


class Kept(Struct, frozen=True):
    """It was done: the answer."""

    answer: str


class Busy(Struct, frozen=True):
    """It is being done just now."""


class Other(Struct, frozen=True):
    """The key was used for another request."""


class Idempotency:
    __slots__ = ("_client", "_keys", "_vault")

    def __init__(self, client: Client, vault: Vault) -> None:
        self._client = client
        self._keys = Keys(GLOBAL)
        self._vault = vault

    def begin(self, key: str, fingerprint: str) -> Kept | Busy | Other | None:
        """None: go ahead, and say `keep` or `forget` afterwards. `fingerprint`: of the request. Raises StoreAway."""
        name = self._keys("idempotency", key)
        with translated():
            first = self._client.redis.set(name, f"{fingerprint} ", nx=True, ex=WORKING_S)
            stands = None if first else maybe_text(self._client.redis.get(name))
        if first:
            return None
        known, _, sealed = (stands or f"{fingerprint} ").partition(" ")
        if known != fingerprint:
            return Other()
        return Kept(self._vault.open(sealed)) if sealed else Busy()

    def keep(self, key: str, fingerprint: str, answer: str) -> None:
        """Raises StoreAway."""
        with translated():
            self._client.redis.set(
                self._keys("idempotency", key), f"{fingerprint} {self._vault.seal(answer)}", ex=KEPT_S
            )

    def forget(self, key: str) -> None:
        """Nothing was done. Raises StoreAway."""
        with translated():
            self._client.redis.delete(self._keys("idempotency", key))
