"""Webhooks: one record each on the global tag, and a gate on each shard that the scripts read.

A change is first the record's (one script, a new version), then every shard's (webhook_changes.py).
"""

from dataclasses import replace

from relay.core.ids import WebhookId
from relay.core.webhook import DisabledReason, Status, Webhook
from relay.store.client import GLOBAL, Client, Script
from relay.store.errors import Conflict, NotFound, translated
from relay.store.keys import Keys
from relay.store.reply import integer, maybe_bytes, pairs, rows, text
from relay.store.vault import Vault
from relay.store.webhook_changes import WebhookChanges
from relay.store.webhook_record import read_webhook, write_webhook


class Webhooks:
    __slots__ = ("_client", "_keys", "_save", "_vault", "changes")

    def __init__(self, client: Client, vault: Vault) -> None:
        self._client = client
        self._keys = Keys(GLOBAL)
        self._vault = vault
        self._save = Script("save_webhook", shard=False)
        self.changes = WebhookChanges(client, vault)

    def get(self, id: WebhookId) -> Webhook | None:
        """Raises StoreAway."""
        with translated():
            record = maybe_bytes(self._client.redis.hget(self._keys("webhooks"), id))
        return read_webhook(id, record, self._vault) if record else None

    def all(self) -> list[Webhook]:
        """Every webhook, by id. Raises StoreAway."""
        with translated():
            records = pairs(self._client.redis.hgetall(self._keys("webhooks")))
        return [read_webhook(WebhookId(id.decode()), record, self._vault) for id, record in sorted(records.items())]

    def page(self, before: int | None, limit: int) -> list[tuple[int, Webhook]]:
        """Webhooks by their birth, a number, newest first: those born before `before`. Raises StoreAway."""
        births = self._births(before, limit)
        ids = list(births)
        with translated():
            records = rows(self._client.redis.hmget(self._keys("webhooks"), ids)) if ids else []
        found = [
            (births[id], read_webhook(id, record, self._vault))
            for id, record in zip(ids, map(maybe_bytes, records), strict=True)
            if record
        ]
        if len(found) == len(births) or len(births) < limit:
            return found
        return found + self.page(births[ids[-1]], limit - len(found))  # some were removed between our two questions

    def _births(self, before: int | None, limit: int) -> dict[WebhookId, int]:
        newest = "+inf" if before is None else f"({before}"
        with translated():
            born = self._client.redis.zrange(
                self._keys("webhook_births"),
                newest,
                "-inf",
                desc=True,
                byscore=True,
                offset=0,
                num=limit,
                withscores=True,
            )
        return {WebhookId(text(id)): integer(birth) for id, birth in map(rows, rows(born))}

    def count(self) -> int:
        with translated():
            return integer(self._client.redis.hlen(self._keys("webhooks")))

    def add(self, webhook: Webhook) -> Webhook:
        """Keep a new one; answers with it and its version. Raises Conflict if its id is taken, StoreAway."""
        return self._write(webhook, expected="0")

    def change(self, webhook: Webhook, *, drain: bool = False) -> Webhook:
        """Keep `webhook` in place of the record that it was made from (its `version`). `drain`: deliver what is held.

        Raises Conflict if that record is no longer the one that stands, StoreAway.
        """
        return self._write(webhook, expected=str(webhook.version), drain=drain)

    def disable(self, id: WebhookId, reason: DisabledReason, now: float) -> bool:
        """Disable it for `reason`, whatever else changes meanwhile; False if it is disabled or gone already. Raises
        StoreAway.
        """
        while True:
            webhook = self.get(id)
            if webhook is None or webhook.status is Status.DISABLED:
                return False
            try:
                self.change(replace(webhook, status=Status.DISABLED, disabled_reason=reason, updated_at=now))
            except Conflict:
                continue
            return True

    def remove(self, id: WebhookId) -> None:
        """Remove it; what is outstanding is cancelled by the workers. Raises NotFound, StoreAway."""
        with translated():
            stands = self._client.redis.hexists(self._keys("webhooks"), id)
        if not stands:
            raise NotFound(f"there is no webhook {id}")
        version = integer(self._client.run(self._save, GLOBAL, (id, "", "")))
        self.changes.tell_removed(id, version)

    def _write(self, webhook: Webhook, *, expected: str, drain: bool = False) -> Webhook:
        record = write_webhook(webhook, self._vault)
        version = integer(self._client.run(self._save, GLOBAL, (webhook.id, expected, record)))
        if version < 0:
            raise Conflict(f"webhook {webhook.id} has changed meanwhile")
        written = replace(webhook, version=version)
        self.changes.tell(written, drain=drain)
        return written
