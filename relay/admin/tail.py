"""What happens on one shard, as watchers are told it: read on and on while somebody watches, or once more."""

from collections.abc import Callable, Iterator

from relay.admin.moments import moment
from relay.core.json_text import NotJson
from relay.core.watching import Seen, see_event, see_outcome
from relay.loops import Loop
from relay.report import Reporter
from relay.store.feed import Happening, Place
from relay.store.outcomes import WATCHED_S
from relay.store.shards import Shard

READ_AT_ONCE = 256

Tell = Callable[[list[Seen]], None]
"""Tells the watchers, and rests before more is read."""


class Tail:
    """`turn` is a loop's: see relay/loops.py."""

    def __init__(self, shard: Shard, tell: Tell, report: Reporter, *, now: Callable[[], float]) -> None:
        self._shard = shard
        self._tell = tell
        self._now = now
        self._watched_at = float("-inf")
        self._loop = Loop(f"live stream {shard.number}", self._turn, report)
        self._place: Place | None = None

    def __repr__(self) -> str:
        return f"<Tail of shard {self._shard.number} at {self._place}>"

    @property
    def place(self) -> Place:
        """How far the watchers are told; the very beginning while nobody has looked."""
        return self._place or Place()

    def look(self) -> None:
        """Know the place, and let outcomes be kept. Raises StoreAway."""
        self._keep_watching()
        if self._place is None:
            self._begin_at(self._shard.feed.now())

    def start(self) -> None:
        self._loop.start()

    def stop(self) -> None:
        self._loop.stop()

    def again(self, start: Place, until: Place, at_once: int) -> Iterator[list[Seen]]:
        """What came between the two, as far as it is kept. Raises StoreAway."""
        place = start.on(self._shard.number)
        while found := self._shard.feed.between(place, until, at_once):
            place = found[-1].place
            yield self._seen(found)

    def _begin_at(self, place: Place) -> None:
        """Unless somebody else has looked meanwhile."""
        if self._place is None:
            self._place = place

    def _turn(self) -> None:
        self.look()
        happenings = self._shard.feed.wait(self.place, READ_AT_ONCE)
        if happenings:
            seen = self._seen(happenings)
            self._place = happenings[-1].place
            self._tell(seen)

    def _seen(self, happenings: list[Happening]) -> list[Seen]:
        events = [one.event for one in happenings if one.event is not None]
        envelopes = dict(zip(events, self._shard.journal.envelopes(events), strict=True))
        seen: list[Seen] = []
        for one in happenings:
            if one.outcome:
                try:
                    seen.append(see_outcome(one.outcome, str(one.place), moment=moment))
                except (NotJson, LookupError):
                    continue  # of another version
            elif one.event is not None and (envelope := envelopes.get(one.event)) is not None:
                seen.append(see_event(envelope, str(one.place), received_at=moment(envelope.received_at)))
        return seen

    def _keep_watching(self) -> None:
        now = self._now()
        if now - self._watched_at > WATCHED_S / 3:
            self._shard.outcomes.watch()
            self._watched_at = now
