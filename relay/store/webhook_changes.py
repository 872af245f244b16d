"""Changes to webhooks: read by the processes that know them all, and told to the shards.

Fan-out and claims carry the version that they know, so a worker that has not heard of a change is told by the store
before it acts on it. A gate keeps the version that it was told last: news that come late, or in a wrong order, are no
news. A change stays among the *untold* until every shard has heard of it, so what a process wrote and did not live to
tell is told by another (`mend`).
"""

from msgspec import Struct

from relay.core.ids import WebhookId
from relay.core.sharding import limits_on_a_shard
from relay.core.webhook import Webhook
from relay.store.client import GLOBAL, Client, Script
from relay.store.errors import translated
from relay.store.keys import Keys
from relay.store.reply import integer, maybe_bytes, rows, text
from relay.store.vault import Vault
from relay.store.webhook_record import read_sealed_webhook


class Changes(Struct, frozen=True, kw_only=True):
    """What has changed since a version: whole records, and ids that are gone."""

    version: int
    changed: tuple[Webhook, ...]
    removed: tuple[WebhookId, ...]


class WebhookChanges:
    __slots__ = ("_client", "_keys", "_project", "_raise", "_told", "_vault")

    def __init__(self, client: Client, vault: Vault) -> None:
        self._client = client
        self._keys = Keys(GLOBAL)
        self._vault = vault
        self._project = Script("project")
        self._told, self._raise = Script("told", shard=False), Script("raise_version", shard=False)

    def version(self) -> int:
        """The newest. Raises StoreAway."""
        with translated():
            return int(self._client.redis.get(self._keys("webhook_version")) or 0)

    def since(self, version: int) -> Changes:
        """What has changed after `version`; 0 means everything. Raises StoreAway.

        A webhook whose secrets no key opens comes without them: it is matched, but cannot be signed for.
        """
        newest = self.version()
        with translated():
            found = rows(self._client.redis.zrangebyscore(self._keys("webhook_changes"), f"({version}", "+inf"))
        changed, removed = self._records([WebhookId(text(id)) for id in found])
        return Changes(version=newest, changed=tuple(changed), removed=tuple(removed))

    def tell(self, webhook: Webhook, *, drain: bool = False) -> None:
        """Tell every shard. `drain`: deliver what is held. Raises StoreAway: then `mend` will."""
        shards = self._client.shards()
        limits = limits_on_a_shard(webhook, shards)
        allowed = (limits.max_in_flight, limits.rate_limit, int(webhook.timeout_s * 1000), int(drain))
        for shard in range(shards):
            self._client.run_on_shard(self._project, shard, (webhook.version, webhook.id, webhook.status, *allowed))
        self._client.run(self._told, GLOBAL, (webhook.id, webhook.version))

    def tell_removed(self, id: WebhookId, version: int) -> None:
        """The same for one that was removed."""
        for shard in range(self._client.shards()):
            self._client.run_on_shard(self._project, shard, (version, id, "deleted", 0, 0, 0, 0))
        self._client.run(self._told, GLOBAL, (id, version))

    def mend(self) -> None:
        """Tell what a process wrote and did not live to tell; it costs next to nothing if there is none. Raises
        StoreAway.
        """
        names = [Keys(shard)("version") for shard in range(self._client.shards())]
        with translated():
            heard = max(int(maybe_bytes(self._client.redis.get(name)) or 0) for name in names)
            untold = rows(self._client.redis.zrange(self._keys("untold"), 0, -1, withscores=True))
        self._client.run(self._raise, GLOBAL, (heard,))
        versions = {WebhookId(text(id)): integer(version) for id, version in map(rows, untold)}
        changed, removed = self._records(list(versions))
        for webhook in changed:
            self.tell(webhook)
        for id in removed:
            self.tell_removed(id, versions[id])

    def _records(self, ids: list[WebhookId]) -> tuple[list[Webhook], list[WebhookId]]:
        """Those that stand, and the ids of those that don't."""
        if not ids:
            return [], []
        with translated():
            records = rows(self._client.redis.hmget(self._keys("webhooks"), list[str](ids)))
        known = dict(zip(ids, map(maybe_bytes, records), strict=True))
        standing = [read_sealed_webhook(id, record, self._vault) for id, record in known.items() if record]
        return standing, [id for id, record in known.items() if not record]
