"""Replays, a batch at a time, beside everything else; what one worker leaves another goes on with.

A replay that finds much waiting for its webhook already waits too: what is new should not stand behind a million old
deliveries.
"""

from collections.abc import Sequence
from time import monotonic, time

import gevent
from msgspec import Struct

from relay.core.matching import Matcher
from relay.core.replay import RESENT, Place, Replay, ReplayState, Walk, next_walk, place_of
from relay.core.webhook import Webhook, lane_of
from relay.report import ReplayEnded, Reporter
from relay.store.client import BLOCK_S
from relay.store.directory import Directory
from relay.store.journal import Journal
from relay.store.replays import BATCH, Batch, Replays, ShardReplays
from relay.store.shards import Shard

LOOK_S = 30.0
"""How often it is looked whether one runs that nobody rang for: its worker has died."""

AGAIN_S = 0.2
"""After a turn in which nothing could be done: until the next."""


class ReplayRooms(Struct, frozen=True, kw_only=True):
    replays: Replays
    shards: Sequence[Shard]
    directory: Directory


class Replayer:
    """`turn` is a loop's: see relay/loops.py."""

    def __init__(self, rooms: ReplayRooms, report: Reporter) -> None:
        self._rooms = rooms
        self._report = report
        self._look_at = float("-inf")

    def turn(self) -> None:
        """Do a batch of each replay that runs, or wait for one, a few seconds at most. Raises StoreAway."""
        if monotonic() < self._look_at and not self._rooms.replays.wait(BLOCK_S):
            return
        running = self._rooms.replays.running()
        self._look_at = monotonic() + (0.0 if running else LOOK_S)
        if not running:
            return
        self._rooms.directory.refresh()
        advanced = [self._advance(replay) for replay in running]
        if not any(advanced):
            gevent.sleep(AGAIN_S)

    def _advance(self, replay: Replay) -> bool:
        """Whether anything was done."""
        webhook = self._rooms.directory.get(replay.webhook)
        if webhook is None:
            return self._end(replay, ReplayState.FAILED)
        answers = [_step(replay, webhook, shard) for shard in self._rooms.shards]
        if "gone" in answers:
            return self._end(replay, ReplayState.FAILED)
        if all(answer == "finished" for answer in answers):
            return self._end(replay, ReplayState.FINISHED)
        return "done" in answers

    def _end(self, replay: Replay, state: ReplayState) -> bool:
        if self._rooms.replays.end(replay.id, state, time()):
            done = (self._rooms.replays.get(replay.id) or replay).progress
            self._report(
                ReplayEnded(
                    replay=replay.id,
                    webhook=replay.webhook,
                    state=state,
                    looked=done.looked,
                    resent=done.resent,
                    made=done.made,
                )
            )
        return True


def _step(replay: Replay, webhook: Webhook, shard: Shard) -> str:
    """What the store says to the next batch; "finished" if there is none, "waits" if it is not there yet."""
    standing = shard.replays.standing(replay)
    if standing.done:
        return "finished"
    place = place_of(replay, standing.cursor)
    if place.walk is Walk.DELIVERIES:
        return shard.replays.step(replay, standing, _deliveries(replay, place, shard.replays))
    batch = _events(replay, place, shard.journal, webhook=webhook)
    return shard.replays.step(replay, standing, batch) if batch else "waits"


def _deliveries(replay: Replay, place: Place, replays: ShardReplays) -> Batch:
    sequences = replays.between(replay, place.after)
    if not sequences:
        return _walked(replay, place)
    following = Place(place.walk, str(sequences[-1])).cursor
    return Batch(following=following, looked=len(sequences), resend=sequences, states=RESENT[replay.wanted])


def _events(replay: Replay, place: Place, journal: Journal, *, webhook: Webhook) -> Batch | None:
    """None while fan-out is not there yet: what it has not seen is not missing."""
    start = f"({place.after}" if place.after else f"{int(replay.since * 1e3)}-0"
    entries = journal.oldest(start, f"({int(replay.until * 1e3)}-0", BATCH)
    if not entries:
        return _walked(replay, place)
    reached = _order(journal.cursor().partition("|")[0])
    seen = [entry for entry in entries if _order(entry.position) <= reached]
    if not seen:
        return None
    matcher = Matcher([webhook])
    envelopes = journal.envelopes([entry.event_id for entry in seen])
    make = [
        (entry.event_id, lane_of(webhook, entry.channel))
        for entry, envelope in zip(seen, envelopes, strict=True)
        if envelope and matcher.match(entry.heard(envelope))
    ]
    return Batch(following=Place(place.walk, seen[-1].position).cursor, looked=len(seen), make=make)


def _walked(replay: Replay, place: Place) -> Batch:
    """The walk is at its end."""
    following = next_walk(replay, place.walk)
    if following is None:
        return Batch(following=place.cursor, looked=0, last=True)
    return Batch(following=Place(following).cursor, looked=0)


def _order(position: str) -> tuple[int, int]:
    millisecond, _, number = position.partition("-")
    return int(millisecond), int(number)
