"""The hub: one loop reads what happens and tells all watchers, each frame written once, whoever wants it.

It runs only while somebody watches. Nobody waits for a watcher: what one is too slow to take is dropped and told.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

import gevent

from relay.admin.moments import moment
from relay.core import metrics
from relay.core.json_text import NotJson
from relay.core.tally import Tally
from relay.core.watching import Seen, Wish, dropped, see_event, see_outcome, sorted_out
from relay.http.websocket import WebSocket, WebSocketClosed, text_frame
from relay.loops import Loop
from relay.report import Reporter
from relay.store.feed import Feed, Happening, Place
from relay.store.journal import Journal
from relay.store.outcomes import WATCHED_S, Outcomes

READ_AT_ONCE = 256
REST_S = 0.02
"""Between two reads at least, and REST_PER_WATCHER_S for each watcher: how often sockets are written to is bounded,
so many watchers cost the rest of the process little."""
REST_PER_WATCHER_S = 0.0004
HELD = 500
"""Turns' frames that are held for one that is still told what came before."""


@dataclass(frozen=True, slots=True)
class Frames:
    """As they go over the wire, and how many they are."""

    wire: bytes
    count: int

    @classmethod
    def of(cls, seen: Sequence[Seen]) -> "Frames":
        return cls(b"".join(text_frame(one.text) for one in seen), len(seen))


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
    """One shard's watchers."""

    def __init__(self, feed: Feed, journal: Journal, outcomes: Outcomes, *, tally: Tally, report: Reporter) -> None:
        self._feed = feed
        self._journal = journal
        self._outcomes = outcomes
        self._tally = tally
        self._report = report
        self._watchers: set[Watcher] = set()
        self._loop: Loop | None = None
        self._watched_at = float("-inf")
        self.place: Place | None = None
        """How far the watchers are told; None until the loop has looked."""

    def __repr__(self) -> str:
        return f"<Hub of {len(self)} watchers at {self.place}>"

    def __len__(self) -> int:
        return len(self._watchers)

    @contextmanager
    def joined(self, watcher: Watcher) -> Iterator[Place]:
        """Tells `watcher` what happens from now on: from the place that this gives. Raises StoreAway."""
        if self._loop is None:
            self._begin()
        place = self.place or self._look()
        self._watchers.add(watcher)
        try:
            yield self.place or place
        finally:
            self._watchers.discard(watcher)
            if not self._watchers:
                self.stop()

    def see(self, happenings: list[Happening]) -> list[Seen]:
        """What is to be told of them. Raises StoreAway."""
        envelopes = self._journal.envelopes(one.event for one in happenings if one.event is not None)
        seen: list[Seen] = []
        for one in happenings:
            if one.event is None:
                try:
                    seen.append(see_outcome(one.outcome, str(one.place), moment=moment))
                except (NotJson, LookupError):
                    continue  # of another version
            elif (envelope := envelopes.get(one.event)) is not None:
                seen.append(see_event(envelope, str(one.place), received_at=moment(envelope.received_at)))
        return seen

    def stop(self) -> None:
        loop, self._loop, self.place = self._loop, None, None
        if loop is not None:
            loop.stop()

    def _begin(self) -> None:
        self._watched_at = float("-inf")
        self._loop = Loop("live stream", self._turn, self._report)
        self._loop.start()

    def _look(self) -> Place:
        self._keep_watching()
        place = self._feed.now()
        if self.place is None:
            self.place = place
        return self.place

    def _turn(self) -> None:
        place = self.place or self._look()
        self._keep_watching()
        happenings = self._feed.wait(place, READ_AT_ONCE)
        if happenings:
            seen = self.see(happenings)
            self.place = happenings[-1].place
            self._tell(seen)
            gevent.sleep(REST_S + REST_PER_WATCHER_S * len(self._watchers))

    def _tell(self, seen: list[Seen]) -> None:
        wanted = sorted_out([watcher.wish for watcher in self._watchers], seen)
        frames = {name: Frames.of(found) for name, found in wanted.items() if found}
        lost = sum(watcher.tell(frames[watcher.wish.name]) for watcher in self._watchers if watcher.wish.name in frames)
        if lost:
            self._tally.add(metrics.STREAM_DROPPED, by=lost)

    def _keep_watching(self) -> None:
        if monotonic() - self._watched_at > WATCHED_S / 3:
            self._outcomes.watch()
            self._watched_at = monotonic()
