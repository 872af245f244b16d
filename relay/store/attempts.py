"""Attempts: what each try of a delivery did, a JSON line each."""

from collections.abc import Sequence

from relay.core.ids import DeliveryId, read_delivery_id
from relay.store.client import Client
from relay.store.errors import translated
from relay.store.keys import Keys
from relay.store.reply import maybe_bytes

LAST_LINE_BYTES = 8192


class Attempts:
    """One shard's."""

    __slots__ = ("_client", "_keys")

    def __init__(self, client: Client, shard: int = 0) -> None:
        self._client = client
        self._keys = Keys(shard)

    def of(self, id: DeliveryId) -> list[bytes]:
        """What each try did: a JSON line each, oldest first. Raises StoreAway."""
        with translated():
            lines = maybe_bytes(self._client.redis.get(self._keys("attempts", read_delivery_id(id)[0])))
        return (lines or b"").splitlines()

    def last(self, ids: Sequence[DeliveryId]) -> dict[DeliveryId, bytes]:
        """What the last try of each did, as far as LAST_LINE_BYTES tell; without those not tried. Raises StoreAway."""
        pipeline = self._client.redis.pipeline(transaction=False)
        for id in ids:
            pipeline.getrange(self._keys("attempts", read_delivery_id(id)[0]), -LAST_LINE_BYTES, -1)
        with translated():
            ends = map(maybe_bytes, pipeline.execute())
        return {id: end.splitlines()[-1] for id, end in zip(ids, ends, strict=True) if end}
