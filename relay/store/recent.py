"""Envelopes that this process has seen lately, so that what it appended need not be read back to be matched and
sent.
"""

from collections import deque
from collections.abc import Iterable, Sequence

from relay.core.envelope import Envelope
from relay.core.ids import EventId

LIMIT_BYTES = 4 * 1024 * 1024
"""Of a process, for all its shards: some thousands of events. More would only push each other out of the processor's
caches; who comes too late for it reads from Redis.
"""


class Recent:
    """The newest envelopes, up to `limit_bytes` of bodies. What came together is forgotten together."""

    __slots__ = ("_batches", "_bytes", "_envelopes", "_limit_bytes")

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._envelopes: dict[EventId, Envelope] = {}
        self._batches: deque[tuple[list[EventId], int]] = deque()  # the oldest first

    def __repr__(self) -> str:
        return f"<Recent {len(self._envelopes)} envelopes, {self._bytes} bytes>"

    def those(self, ids: Iterable[EventId]) -> list[Envelope | None]:
        """Of each; None if it is not known."""
        return list(map(self._envelopes.get, ids))

    def add(self, envelopes: Sequence[Envelope]) -> None:
        ids, size = [each.event_id for each in envelopes], sum([len(each.body) for each in envelopes])
        self._envelopes.update(zip(ids, envelopes, strict=True))
        self._batches.append((ids, size))
        self._bytes += size
        while self._bytes > self._limit_bytes:
            oldest, size = self._batches.popleft()
            self._bytes -= size
            for id in oldest:
                self._envelopes.pop(id, None)
