"""Sessions of the dashboard: who signed in, known by the hash of a cookie. They end by themselves or by signing out."""

import json
from dataclasses import asdict, dataclass, field

from relay.store.client import GLOBAL, Client
from relay.store.errors import translated
from relay.store.keys import Keys
from relay.store.records import understood, write_record
from relay.store.reply import maybe_bytes

IDLE_S = 12 * 3600
"""A session that is not used for so long has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    token_hash: str = field(repr=False)  # of the token that was shown: if it is revoked, the session is over too
    proof: str = field(repr=False)  # what a page must show to change something (CSRF)
    made_at: float


class Sessions:
    __slots__ = ("_client", "_keys")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._keys = Keys(GLOBAL)

    def add(self, hash: str, session: Session) -> None:
        """Raises StoreAway."""
        with translated():
            self._client.redis.set(self._keys("session", hash), write_record(asdict(session)), ex=IDLE_S)

    def find(self, hash: str) -> Session | None:
        """The session, which lives on for IDLE_S. Raises StoreAway."""
        with translated():
            record = maybe_bytes(self._client.redis.getex(self._keys("session", hash), ex=IDLE_S))
        return Session(**understood(json.loads(record), Session)) if record else None

    def end(self, hash: str) -> None:
        """Raises StoreAway."""
        with translated():
            self._client.redis.delete(self._keys("session", hash))
