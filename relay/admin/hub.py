"""The hub: what tails read is told to all watchers, each frame written once, whoever wants it.

Tails run only while somebody watches. Nobody waits for a watcher: what one is too slow to take is dropped and told.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

import gevent
from msgspec import Struct

from relay.admin.tail import Tail
from relay.core import metrics
from relay.core.tally import Tally
from relay.core.watching import Seen, Wish, dropped, sorted_out
from relay.http.websocket import WebSocket, WebSocketClosed, text_frame
from relay.report import Reporter
from relay.store.feed import Place
from relay.store.shards import Shard

REST_S = 0.02
"""Between two reads at least."""
AT_ONCE = 16
"""Watchers that are told in one go; then everybody else in the process has a turn. How often sockets are written to is
bounded by the rest behind it, so five hundred watchers are told five times a second, and cost the others little."""
REST_BETWEEN_S = 0.0064
HELD = 500
"""Turns' frames that are held for one that is still told what came before."""


class Frames(Struct, frozen=True):
    """As they go over the wire, and how many they are."""

    wire: bytes
    count: int

    @classmethod
    def of(cls, written: Sequence[bytes]) -> "Frames":
        """`written`: each by `text_frame`."""
        return cls(b"".join(written), len(written))


@dataclass(slots=True, kw_only=True, eq=False)
class Watcher:
    websocket: WebSocket
    wish: Wish
    told_at: float = field(default_factory=monotonic)
    held: list[Frames] | None = None  # what comes while it is told what came before
    dropped: int = 0

    def tell(self, frames: Frames) -> int:
        """Answers how many were dropped. Never waits."""
        if self.held is not None and len(self.held) < HELD:
            self.held.append(frames)
            return 0
        lost = text_frame(dropped(self.dropped)) if self.dropped else b""
        try:
            if self.held is None and self.websocket.pour(lost + frames.wire):
                self.dropped, self.told_at = 0, monotonic()
                return 0
        except WebSocketClosed:
            return 0
        self.dropped += frames.count
        return frames.count

    def tell_held(self) -> None:
        """From here on it is told things as they come."""
        held, self.held = self.held or [], None
        for frames in held:
            self.tell(frames)


class Hub:
    """The watchers of a process, and what reads for them: a tail for each shard."""

    def __init__(self, shards: Sequence[Shard], *, tally: Tally, report: Reporter) -> None:
        self._shards = shards
        self._tally = tally
        self._report = report
        self._watchers: set[Watcher] = set()
        self.tails: tuple[Tail, ...] = ()  # while somebody watches

    def __repr__(self) -> str:
        return f"<Hub of {len(self)} watchers, {self.tails}>"

    def __len__(self) -> int:
        return len(self._watchers)

    @property
    def places(self) -> list[Place]:
        """How far the watchers are told, on each shard."""
        return [tail.place for tail in self.tails]

    @contextmanager
    def joined(self, watcher: Watcher) -> Iterator[list[Place]]:
        """Tells `watcher` what happens from now on: from the places that this gives. Raises StoreAway."""
        self._watchers.add(watcher)
        try:
            if not self.tails:
                self._begin()
            for tail in self.tails:
                tail.look()
            if watcher.held:
                watcher.held.clear()  # what came while we looked is not behind these places
            yield self.places
        finally:
            self._watchers.discard(watcher)
            if not self._watchers:
                self.stop()

    def stop(self) -> None:
        tails, self.tails = self.tails, ()
        for tail in tails:
            tail.stop()

    def _begin(self) -> None:
        self.tails = tuple(Tail(shard, self._tell, self._report, now=monotonic) for shard in self._shards)
        for tail in self.tails:
            tail.start()

    def _tell(self, seen: list[Seen]) -> None:
        """Each frame is written once, each wish granted once; who comes meanwhile begins behind all this."""
        wanted = sorted_out([watcher.wish for watcher in self._watchers], seen)
        written = {id(one): text_frame(one.text) for one in seen}
        frames = {name: Frames.of([written[id(one)] for one in found]) for name, found in wanted.items() if found}
        told = [watcher for watcher in self._watchers if watcher.wish.name in frames]
        now = monotonic()
        for watcher in told:
            watcher.told_at = now  # no heartbeat may tell of a place that this one is still to be told of
        for start in range(0, len(told), AT_ONCE):
            lost = sum(watcher.tell(frames[watcher.wish.name]) for watcher in told[start : start + AT_ONCE])
            if lost:
                self._tally.add(metrics.STREAM_DROPPED, by=lost)
            gevent.sleep(REST_BETWEEN_S)
        gevent.sleep(REST_S)
