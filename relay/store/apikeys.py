"""API keys: their records and hashes, never the keys themselves."""

import json
from dataclasses import asdict, replace

from relay.core.apikey import ApiKey, Scope
from relay.core.ids import KeyId, WebhookId
from relay.store.client import GLOBAL, Client
from relay.store.errors import NotFound, translated
from relay.store.keys import Keys
from relay.store.records import understood, write_record
from relay.store.reply import maybe_bytes, maybe_text, pairs


class ApiKeys:
    __slots__ = ("_client", "_keys")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._keys = Keys(GLOBAL)

    def find(self, hash: str) -> ApiKey | None:
        """The key with this hash. Raises StoreAway."""
        with translated():
            id = maybe_text(self._client.redis.hget(self._keys("api_key_hashes"), hash))
            record = maybe_bytes(self._client.redis.hget(self._keys("api_keys"), id)) if id else None
        return _read(KeyId(id), record) if id and record else None

    def all(self) -> list[ApiKey]:
        """Every key, newest first, with its last use. Raises StoreAway."""
        with translated():
            records = pairs(self._client.redis.hgetall(self._keys("api_keys")))
            uses = pairs(self._client.redis.hgetall(self._keys("api_key_uses")))
        found = [
            replace(_read(KeyId(id.decode()), record), last_used_at=float(uses[id]) if id in uses else None)
            for id, record in records.items()
        ]
        return sorted(found, key=lambda key: (key.created_at, key.id), reverse=True)

    def add(self, key: ApiKey) -> None:
        """Raises StoreAway."""
        record = asdict(key)
        del record["id"], record["last_used_at"]
        pipeline = self._client.redis.pipeline(transaction=True)
        pipeline.hset(self._keys("api_keys"), key.id, write_record(record))
        pipeline.hset(self._keys("api_key_hashes"), key.hash, key.id)
        with translated():
            pipeline.execute()

    def remove(self, id: KeyId) -> None:
        """It opens nothing from now on. Raises NotFound, StoreAway."""
        with translated():
            record = maybe_bytes(self._client.redis.hget(self._keys("api_keys"), id))
        if record is None:
            raise NotFound(f"there is no key {id}")
        pipeline = self._client.redis.pipeline(transaction=True)
        pipeline.hdel(self._keys("api_key_hashes"), _read(id, record).hash)
        pipeline.hdel(self._keys("api_keys"), id)
        pipeline.hdel(self._keys("api_key_uses"), id)
        with translated():
            pipeline.execute()

    def used(self, id: KeyId, now: float) -> None:
        """Note its use. Raises StoreAway."""
        with translated():
            self._client.redis.hset(self._keys("api_key_uses"), id, f"{now:.0f}")


def _read(id: KeyId, record: bytes) -> ApiKey:
    known = understood(json.loads(record), ApiKey)
    scope, webhooks = Scope(known.pop("scope")), tuple(map(WebhookId, known.pop("webhooks")))
    return ApiKey(id=id, scope=scope, webhooks=webhooks, **known)
