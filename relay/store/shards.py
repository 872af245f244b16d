"""The shards: each has a journal, and all that follows from it. How many there are is asked of Redis when it first
matters; until it has answered once, using them raises StoreAway.
"""

from collections.abc import Sequence
from typing import overload

from msgspec import Struct

from relay.core.ids import ConnectionId
from relay.core.sharding import shard_of
from relay.store.backlogs import Backlogs
from relay.store.client import Client
from relay.store.deliveries import Deliveries
from relay.store.feed import Feed
from relay.store.journal import Journal
from relay.store.outcomes import Outcomes
from relay.store.replays import ShardReplays
from relay.store.replies import Replies


class Shard(Struct, frozen=True, kw_only=True):
    """One shard's rooms."""

    number: int
    journal: Journal
    deliveries: Deliveries
    replays: ShardReplays
    replies: Replies
    outcomes: Outcomes
    feed: Feed
    backlogs: Backlogs


class Shards(Sequence[Shard]):
    __slots__ = ("_client", "_made")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._made: tuple[Shard, ...] = ()

    def __repr__(self) -> str:
        return f"<Shards {len(self._made) or 'not asked yet'}>"

    def __len__(self) -> int:
        return len(self._all)

    @overload
    def __getitem__(self, place: int) -> Shard: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Shard]: ...  # type: ignore[explicit-any]  # a slice of typeshed's
    def __getitem__(self, place: int | slice) -> Shard | Sequence[Shard]:  # type: ignore[explicit-any]  # the same
        return self._all[place]

    def of(self, connection: ConnectionId) -> Shard:
        """Where all that comes from it is kept."""
        return self._all[shard_of(connection, len(self))]

    @property
    def _all(self) -> tuple[Shard, ...]:
        if not self._made:
            shards = self._client.shards()
            self._made = tuple(_made(self._client, number, shards) for number in range(shards))
        return self._made


def _made(client: Client, number: int, shards: int) -> Shard:
    return Shard(
        number=number,
        journal=Journal(client, number, shards=shards),
        deliveries=Deliveries(client, number),
        replays=ShardReplays(client, number),
        replies=Replies(client, number),
        outcomes=Outcomes(client, number),
        feed=Feed(client, number),
        backlogs=Backlogs(client, number),
    )
