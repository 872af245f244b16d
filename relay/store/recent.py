"""Envelopes that this process has seen lately, so that what it appended need not be read back to be matched and
sent.
"""

from collections import OrderedDict
from collections.abc import Iterable

from relay.core.envelope import Envelope
from relay.core.ids import EventId

LIMIT_BYTES = 16 * 1024 * 1024
"""Of a process, for all its shards."""


class Recent:
    """The newest envelopes, up to `limit_bytes` of bodies."""

    __slots__ = ("_bytes", "_envelopes", "_limit_bytes")

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._envelopes: OrderedDict[EventId, Envelope] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Recent {len(self._envelopes)} envelopes, {self._bytes} bytes>"

    def get(self, id: EventId) -> Envelope | None:
        return self._envelopes.get(id)

    def add(self, envelopes: Iterable[Envelope]) -> None:
        for envelope in envelopes:
            if envelope.event_id not in self._envelopes:
                self._envelopes[envelope.event_id] = envelope
                self._bytes += len(envelope.body)
        while self._bytes > self._limit_bytes:
            _, oldest = self._envelopes.popitem(last=False)
            self._bytes -= len(oldest.body)
