"""Replies that wait to be said in Slack: in each place one at a time, in order, whichever worker says them.

They are written by the very step that settles their delivery, and only the first time: see scripts/settle.lua.
"""

from msgspec import Struct

from relay.core.ids import DeliveryId, delivery_id
from relay.core.json_text import NotJson
from relay.core.reply import Reply, read_reply
from relay.store.client import BLOCK_S, Client, Script
from relay.store.keys import Keys
from relay.store.reply import integer, maybe_bytes, rows, text

LEASE_S = 60.0
"""Longer than a call to Slack takes: a reply whose worker ends in the middle is said again after that."""


class Taken(Struct, frozen=True, kw_only=True):
    """A reply that is lent to us; None for one that cannot be read."""

    place: str
    sequence: int
    delivery: DeliveryId
    reply: Reply | None


class Replies:
    """One shard's."""

    __slots__ = ("_client", "_finish", "_keys", "_take", "shard")

    def __init__(self, client: Client, shard: int = 0) -> None:
        self.shard = shard
        self._client = client
        self._keys = Keys(shard)
        self._take, self._finish = Script("take_reply"), Script("finish_reply")

    def take(self, *, lease_s: float = LEASE_S) -> Taken | float | None:
        """The next one; or the seconds until there may be one; or None, if only `wait` will know. Raises StoreAway."""
        wait_ms, *taken = rows(self._client.run_on_shard(self._take, self.shard, (int(lease_s * 1000),)))
        if not taken:
            return None if integer(wait_ms) < 0 else integer(wait_ms) / 1000
        place, written = taken
        number, _, said = (maybe_bytes(written) or b"").partition(b" ")
        return Taken(
            place=text(place),
            sequence=int(number),
            delivery=delivery_id(int(number), self.shard),
            reply=_read(said),
        )

    def finish(self, taken: Taken, *, over: bool, wait_s: float) -> bool:
        """It was said or never will be (`over`), or is to be tried again; its place may speak again after `wait_s`.
        False if somebody else has finished it. Raises StoreAway: ask again, it does no harm.
        """
        arguments = (taken.place, taken.sequence, int(wait_s * 1000), int(over))
        return bool(integer(self._client.run_on_shard(self._finish, self.shard, arguments)))

    def wait(self, at_most_s: float) -> bool:
        """Until there is something new to say, or for `at_most_s` (bounded by BLOCK_S); whether there is. Raises
        StoreAway.
        """
        waits_s = max(0.001, min(at_most_s, BLOCK_S))
        return self._client.block("BLPOP", self._keys("reply_bell"), waits_s) is not None


def _read(said: bytes) -> Reply | None:
    try:
        return read_reply(said)
    except (NotJson, KeyError):
        return None
