"""Which shard a connection lives on, and what a webhook may do on each.

All that follows from an event stays on its connection's shard. A webhook that wants events of several shards is served
by each of them on its own, so its limits are shared out: together they never allow the endpoint more than its owner
did, but for the one delivery at a time that every shard must be allowed.
"""

from hashlib import blake2b
from math import ceil

from msgspec import Struct

from relay.core.ids import ConnectionId
from relay.core.webhook import Webhook


class Limits(Struct, frozen=True, kw_only=True):
    max_in_flight: int
    rate_limit: float  # a second; 0: none


def shard_of(connection: ConnectionId, shards: int) -> int:
    """The same in every process and release: what is stored depends on it."""
    return int.from_bytes(blake2b(connection.encode(), digest_size=8).digest()) % shards


def limits_on_a_shard(webhook: Webhook, shards: int) -> Limits:
    """What each shard may send it, of those that may have events for it."""
    asked = {shard_of(connection, shards) for connection in webhook.connections}
    parts = len(asked) or shards
    return Limits(
        max_in_flight=ceil(webhook.max_in_flight / parts),
        rate_limit=(webhook.rate_limit or 0) / parts,
    )
