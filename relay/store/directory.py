"""The webhooks as one process knows them: by id and by what they want, brought up to date by what has changed."""

from collections.abc import Callable
from time import monotonic

from relay.core.ids import WebhookId
from relay.core.matching import Matcher
from relay.core.webhook import Webhook
from relay.store.errors import StoreAway
from relay.store.webhooks import Webhooks


class Directory:
    """Starts empty, at version 0: the first refresh reads everything. `get`: the webhook with that id, or None."""

    __slots__ = ("_known", "_mended_at", "_webhooks", "get", "matcher", "version")

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks
        self._known: dict[WebhookId, Webhook] = {}
        self.get: Callable[[WebhookId], Webhook | None] = self._known.get  # asked for each delivery
        self.matcher = Matcher()
        self.version = 0
        self._mended_at = float("-inf")

    def __repr__(self) -> str:
        return f"<Directory {len(self._known)} webhooks at version {self.version}>"

    def refresh(self, *, at_least: int = 0, anew: bool = False) -> None:
        """Learn what has changed; afterwards `version` is the newest. Raises StoreAway.

        `at_least`: a version that a shard has heard of; if Redis no longer has it (it has lost some), or if `anew`,
        everything is read again.
        """
        changes = self._webhooks.changes.since(0 if anew else self.version)
        if not anew and changes.version < max(self.version, at_least):
            self.refresh(anew=True)
            return
        if anew:
            self._known.clear()
            self.matcher = Matcher()
        self._known.update((webhook.id, webhook) for webhook in changes.changed)
        for id in changes.removed:
            self._known.pop(id, None)
        self.matcher.change(changes.changed, changes.removed)
        self.version = changes.version

    def mend(self, *, rest_s: float = 0.0) -> None:
        """Tell the shards what a process wrote and did not live to tell; not again within `rest_s`. Raises
        StoreAway.
        """
        if monotonic() - self._mended_at < rest_s:
            return
        self._mended_at = monotonic()  # at once: other loops may ask while we wait for Redis
        try:
            self._webhooks.changes.mend()
        except StoreAway:
            self._mended_at = float("-inf")
            raise
