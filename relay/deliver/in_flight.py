"""What a process has under way at a time; of its shards, one full of slow endpoints leaves the others their part."""

from gevent.event import Event


class InFlight:
    """`most` POSTs at a time: half of it is shared out evenly, half is for whoever comes first."""

    def __init__(self, most: int, *, shards: int = 1) -> None:
        self._own = most // (2 * shards)
        self._common = most - shards * self._own
        self._shares: list[Share] = []
        self.freed = Event()

    def share(self) -> "Share":
        """For one shard."""
        made = Share(self)
        self._shares.append(made)
        return made

    def room_for(self, share: "Share") -> int:
        borrowed = sum(max(0, one.count - self._own) for one in self._shares)
        return max(0, self._own - share.count) + self._common - borrowed


class Share:
    """One shard's. `count` is what it has under way, or has reserved."""

    def __init__(self, whole: InFlight) -> None:
        self._whole = whole
        self.count = 0

    def __repr__(self) -> str:
        return f"<Share {self.count} under way, room for {self.room}>"

    @property
    def room(self) -> int:
        return self._whole.room_for(self)

    def take(self, count: int) -> None:
        self.count += count

    def give(self, count: int) -> None:
        self.count -= count
        self._whole.freed.set()

    def wait(self, at_most_s: float) -> None:
        """Until something was given back."""
        self._whole.freed.clear()
        self._whole.freed.wait(at_most_s)
