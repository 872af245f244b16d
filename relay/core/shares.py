"""Who holds which connection: each worker works it out by itself, from nothing but who is there.

Rendezvous hashing: for one connection, every worker has a rank that nobody else needs to be asked for. When a worker
comes or goes, only the connections that it takes or leaves change hands.
"""

from collections.abc import Iterable
from hashlib import blake2b

from relay.core.ids import ConnectionId

HOLDERS = 2
"""A leader and a standby: RTM gives both every event, so either may be killed. Socket Mode allows ten."""


def holders(connection: ConnectionId, workers: Iterable[str], *, count: int = HOLDERS) -> tuple[str, ...]:
    """The workers that hold `connection`, the leader first."""

    def rank(worker: str) -> bytes:
        return blake2b(f"{worker} {connection}".encode(), digest_size=8).digest()

    return tuple(sorted(workers, key=rank)[:count])
