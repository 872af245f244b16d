"""Webhooks: one record each on the global tag, and a gate on each shard that the scripts read.

A change is first the record's (one script, a new version), then every shard's. Fan-out and claims carry the version
that they know, so
a worker that has not heard of a change is told by the store before it acts on it.
"""

import json
from dataclasses import asdict, dataclass, replace

from relay.core.ids import WebhookId
from relay.core.webhook import DisabledReason, Format, Order, SigningSecret, Status, Webhook
from relay.store.client import GLOBAL, Client, Script
from relay.store.errors import Conflict, NotFound, translated
from relay.store.keys import Keys
from relay.store.reply import integer, maybe_bytes, pairs, rows, text
from relay.store.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What has changed since a version: whole records, and ids that are gone."""

    version: int
    changed: tuple[Webhook, ...]
    removed: tuple[WebhookId, ...]


class Webhooks:
    __slots__ = ("_client", "_keys", "_project", "_save", "_shards", "_vault")

    def __init__(self, client: Client, vault: Vault, shards: int = 1) -> None:
        self._client = client
        self._keys = Keys(GLOBAL)
        self._vault = vault
        self._shards = range(shards)
        self._save, self._project = Script("save_webhook", shard=False), Script("project")

    def get(self, id: WebhookId) -> Webhook | None:
        """Raises StoreAway."""
        with translated():
            record = maybe_bytes(self._client.redis.hget(self._keys("webhooks"), id))
        return self._read(id, record) if record else None

    def all(self) -> list[Webhook]:
        """Every webhook, by id. Raises StoreAway."""
        with translated():
            records = pairs(self._client.redis.hgetall(self._keys("webhooks")))
        return [self._read(WebhookId(id.decode()), record) for id, record in sorted(records.items())]

    def page(self, before: int | None, limit: int) -> list[tuple[int, Webhook]]:
        """Webhooks by their birth, a number, newest first: those born before `before`. Raises StoreAway."""
        births = self._births(before, limit)
        ids = list(births)
        with translated():
            records = rows(self._client.redis.hmget(self._keys("webhooks"), ids)) if ids else []
        found = [
            (births[id], self._read(id, record))
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
        for shard in self._shards:
            self._client.run_on_shard(self._project, shard, (version, id, "deleted", 0, 0, 0, 0))

    def version(self) -> int:
        """Raises StoreAway."""
        with translated():
            return int(self._client.redis.get(self._keys("webhook_version")) or 0)

    def since(self, version: int) -> Changes:
        """What has changed after `version`; 0 means everything. Raises StoreAway."""
        newest = self.version()
        with translated():
            ids = [
                text(id)
                for id in rows(self._client.redis.zrangebyscore(self._keys("webhook_changes"), f"({version}", "+inf"))
            ]
            records = rows(self._client.redis.hmget(self._keys("webhooks"), ids)) if ids else []
        found = [(WebhookId(id), maybe_bytes(record)) for id, record in zip(ids, records, strict=True)]
        return Changes(
            version=newest,
            changed=tuple(self._read(id, record) for id, record in found if record),
            removed=tuple(id for id, record in found if not record),
        )

    def mend(self) -> None:
        """Tell every shard of changes that a process wrote and did not live to tell. Raises StoreAway."""
        newest = self.version()
        for shard in self._shards:
            with translated():
                known = int(self._client.redis.get(Keys(shard)("version")) or 0)
            if known >= newest:
                continue
            changes = self.since(known)
            for webhook in changes.changed:
                self._tell(shard, webhook, drain=False)
            for id in changes.removed:
                self._client.run_on_shard(self._project, shard, (changes.version, id, "deleted", 0, 0, 0, 0))

    def _write(self, webhook: Webhook, *, expected: str, drain: bool = False) -> Webhook:
        record = self._record(webhook)
        version = integer(self._client.run(self._save, GLOBAL, (webhook.id, expected, record)))
        if version < 0:
            raise Conflict(f"webhook {webhook.id} has changed meanwhile")
        written = replace(webhook, version=version)
        for shard in self._shards:
            self._tell(shard, written, drain=drain)
        return written

    def _tell(self, shard: int, webhook: Webhook, *, drain: bool) -> None:
        limits = (webhook.max_in_flight, webhook.rate_limit or 0, int(webhook.timeout_s * 1000), int(drain))
        self._client.run_on_shard(self._project, shard, (webhook.version, webhook.id, webhook.status, *limits))

    def _record(self, webhook: Webhook) -> str:
        record = asdict(webhook)
        del record["id"], record["version"]
        record["secrets"] = [(self._vault.seal(one.secret), one.until) for one in webhook.secrets]
        record["headers"] = self._vault.seal(json.dumps(webhook.headers)) if webhook.headers else ""
        return json.dumps(record)

    def _read(self, id: WebhookId, record: bytes) -> Webhook:
        version, text_ = record.split(b" ", 1)
        known = json.loads(text_)
        headers = json.loads(self._vault.open(known["headers"])) if known["headers"] else []
        return Webhook(
            **{name: value for name, value in known.items() if name not in _READ_APART},
            id=id,
            version=int(version),
            events=tuple(known["events"]),
            secrets=tuple(
                SigningSecret(secret=self._vault.open(sealed), until=until) for sealed, until in known["secrets"]
            ),
            connections=tuple(known["connections"]),
            channels=tuple(known["channels"]),
            headers=tuple((name, value) for name, value in headers),
            format=Format(known["format"]),
            order=Order(known["order"]),
            retry_schedule_s=tuple(known["retry_schedule_s"]),
            status=Status(known["status"]),
            disabled_reason=DisabledReason(known["disabled_reason"]) if known["disabled_reason"] else None,
        )


_READ_APART = {
    "events", "secrets", "connections", "channels", "headers",
    "format", "order", "retry_schedule_s", "status", "disabled_reason",
}  # fmt: skip
