"""Backlogs: the webhooks for which most is waiting, found without a look at each webhook.

A webhook with something outstanding has a turn to come, or deliveries in flight: a bounded look at both finds it,
the one that is stuck first.
"""

from collections.abc import Iterable, Sequence
from itertools import chain

from msgspec import Struct

from relay.core.ids import WebhookId
from relay.store.client import Client
from relay.store.errors import translated
from relay.store.keys import Keys
from relay.store.reply import integer, maybe_text, rows, text

LOOKED_AT = 100
"""Turns, and leases, that are looked at."""


class Backlog(Struct, frozen=True, kw_only=True):
    webhook: WebhookId
    outstanding: int
    overdue_s: float  # how long the one that waits longest could have gone

    def __add__(self, other: "Backlog") -> "Backlog":
        """The same webhook's on two shards together."""
        return Backlog(
            webhook=self.webhook,
            outstanding=self.outstanding + other.outstanding,
            overdue_s=max(self.overdue_s, other.overdue_s),
        )


class Backlogs:
    """One shard's."""

    __slots__ = ("_client", "_keys")

    def __init__(self, client: Client, shard: int = 0) -> None:
        self._client = client
        self._keys = Keys(shard)

    def longest(self, now: float) -> list[Backlog]:
        """The largest first, LOOKED_AT at most. Raises StoreAway."""
        with translated():
            found = [self._backlog(id, row, now) for id, row in self._looked_up(self._candidates())]
        return sorted(found, key=lambda one: -one.outstanding)[:LOOKED_AT]

    def has_begun(self) -> bool:
        """Whether there is, or was within the retention, anything to do on this shard. Raises StoreAway."""
        with translated():
            return bool(self._client.redis.exists(*map(self._keys, ("journal", "turns", "reply_turns"))))

    def fan_out_lag_s(self, now: float) -> float:
        """How old the oldest event is that is not yet matched; 0 for none. Raises StoreAway."""
        with translated():
            cursor = maybe_text(self._client.redis.get(self._keys("cursor"))) or "0-0"
            first = rows(self._client.redis.xrange(self._keys("journal"), f"({cursor}", "+", 1))
        return max(0.0, now - int(text(rows(first[0])[0]).split("-")[0]) / 1000) if first else 0.0

    def _candidates(self) -> list[str]:
        pipeline = self._client.redis.pipeline(transaction=False)
        pipeline.zrange(self._keys("turns"), 0, LOOKED_AT - 1)
        pipeline.zrange(self._keys("leases"), 0, LOOKED_AT - 1)
        turns, leases = map(rows, pipeline.execute())
        for sequence in leases:
            pipeline.hget(self._keys("delivery", integer(sequence)), "w")
        flying = map(maybe_text, pipeline.execute())
        return list(dict.fromkeys([*map(text, turns), *filter(None, flying)]))

    def _looked_up(self, ids: Sequence[str]) -> list[tuple[str, Sequence[object]]]:
        pipeline = self._client.redis.pipeline(transaction=False)
        for id in ids:
            pipeline.hget(self._keys("ledger", id), "outstanding")
            pipeline.lindex(self._keys("fresh", id), 0)
            pipeline.zrange(self._keys("due", id), 0, 0, withscores=True)
        answers = pipeline.execute()
        return [(id, answers[3 * place : 3 * place + 3]) for place, id in enumerate(ids)]

    def _backlog(self, id: str, row: Sequence[object], now: float) -> Backlog:
        outstanding, fresh, due = row
        waits_since = [now, *(float(str(first[1])) / 1000 for first in map(rows, rows(due)))]
        if fresh is not None:
            waits_since.append(integer(fresh) / 1e6)
        return Backlog(
            webhook=WebhookId(id), outstanding=integer(outstanding or 0), overdue_s=max(0.0, now - min(waits_since))
        )


def longest_backlogs(shards: Iterable[Backlogs], now: float) -> list[Backlog]:
    """Of all shards together, the largest first, LOOKED_AT at most. Raises StoreAway."""
    found: dict[WebhookId, Backlog] = {}
    for one in chain.from_iterable(shard.longest(now) for shard in shards):
        known = found.get(one.webhook)
        found[one.webhook] = one if known is None else known + one
    return sorted(found.values(), key=lambda one: -one.outstanding)[:LOOKED_AT]
