"""A replay: deliveries of a stretch of time, sent again or made at last, as somebody asked.

It is one walk or two: along the webhook's deliveries, and along the events. How far it is, is a cursor: the walk's
letter, and behind what it goes on.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from relay.core.delivery import State
from relay.core.ids import ReplayId, WebhookId


class Wanted(StrEnum):
    """Which deliveries a replay is about."""

    DEAD = "dead"  # those given up
    MISSING = "missing"  # events that the webhook wants now and never had a delivery of
    ALL = "all"  # those given up, those delivered, and the missing


class ReplayState(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"  # by a person
    FAILED = "failed"  # its webhook is gone


class Walk(StrEnum):
    DELIVERIES = "d"
    EVENTS = "e"


WALKS: Mapping[Wanted, tuple[Walk, ...]] = {
    Wanted.DEAD: (Walk.DELIVERIES,),
    Wanted.MISSING: (Walk.EVENTS,),
    Wanted.ALL: (Walk.DELIVERIES, Walk.EVENTS),
}

RESENT: Mapping[Wanted, frozenset[State]] = {
    Wanted.DEAD: frozenset({State.DEAD}),
    Wanted.MISSING: frozenset(),
    Wanted.ALL: frozenset({State.DEAD, State.DELIVERED}),
}
"""The states of deliveries that are sent again. What a person has cancelled stays so."""


class Progress(Struct, frozen=True, kw_only=True):
    looked: int = 0  # deliveries and events that were looked at
    resent: int = 0  # deliveries that are sent again
    made: int = 0  # deliveries that were missing
    share: float = 0.0  # of the way, how much is done: 0 to 1


class Replay(Struct, frozen=True, kw_only=True):
    """What was fanned out (the missing: came) from `since` until before `until`, for one webhook. Times are Unix
    seconds; `until` lies in the past.
    """

    id: ReplayId
    webhook: WebhookId
    since: float
    until: float
    wanted: Wanted
    created_at: float
    state: ReplayState = ReplayState.RUNNING
    ended_at: float | None = None
    progress: Progress = Progress()


class Place(Struct, frozen=True):
    """Where a replay is: `after` is a delivery's sequence or an event's position in the journal, "" at the start."""

    walk: Walk
    after: str = ""

    @property
    def cursor(self) -> str:
        return self.walk + self.after


def place_of(replay: Replay, cursor: str) -> Place:
    """Where `cursor` is; "" is the beginning."""
    return Place(Walk(cursor[0]), cursor[1:]) if cursor else Place(WALKS[replay.wanted][0])


def next_walk(replay: Replay, walk: Walk) -> Walk | None:
    """The walk that follows, if one does."""
    rest = WALKS[replay.wanted][WALKS[replay.wanted].index(walk) + 1 :]
    return rest[0] if rest else None


def share(replay: Replay, cursor: str) -> float:
    """How much of the way lies behind `cursor`, by time: 0 to 1."""
    place = place_of(replay, cursor)
    walks = WALKS[replay.wanted]
    at = _second(place)
    walked = 0.0 if at is None else (at - replay.since) / max(replay.until - replay.since, 1e-6)
    return (walks.index(place.walk) + min(1.0, max(0.0, walked))) / len(walks)


def _second(place: Place) -> float | None:
    """The Unix second of a place: sequences count microseconds, the journal milliseconds."""
    if not place.after:
        return None
    return int(place.after) / 1e6 if place.walk is Walk.DELIVERIES else int(place.after.partition("-")[0]) / 1e3
