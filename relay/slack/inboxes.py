"""The inboxes of a process, one for each shard: a shard whose Redis is away holds up its own events and no others."""

from collections.abc import Mapping, Sequence
from time import monotonic

from relay.core.ids import ConnectionId
from relay.core.sharding import shard_of
from relay.slack.inbox import Inbox


class Inboxes:
    __slots__ = ("_inboxes",)

    def __init__(self, inboxes: Sequence[Inbox]) -> None:
        """In the order of the shards."""
        self._inboxes = tuple(inboxes)

    def of(self, connection: ConnectionId) -> Inbox:
        return self._inboxes[shard_of(connection, len(self._inboxes))]

    @property
    def beats(self) -> Mapping[str, float]:
        """When each loop last turned, by the steady clock."""
        return {inbox.loop.name: inbox.loop.last_turn for inbox in self._inboxes}

    def start(self) -> None:
        for inbox in self._inboxes:
            inbox.start()

    def stop(self, within_s: float) -> None:
        """Store what is left, as far as that is possible within `within_s`."""
        deadline = monotonic() + within_s
        for inbox in self._inboxes:
            inbox.stop(max(0.0, deadline - monotonic()))
