"""How far a replay is."""

import pytest
from hypothesis import given, strategies as st

from relay.core.ids import ReplayId, WebhookId
from relay.core.replay import WALKS, Place, Replay, Walk, Wanted, next_walk, place_of, share


def replay(wanted: Wanted = Wanted.ALL) -> Replay:
    return Replay(
        id=ReplayId("rpl_1"), webhook=WebhookId("wh_1"), since=100.0, until=200.0, wanted=wanted, created_at=300.0
    )


@pytest.mark.parametrize(
    ("wanted", "cursor", "done"),
    [
        (Wanted.DEAD, "", 0.0),
        (Wanted.DEAD, "d125000000", 0.25),
        (Wanted.DEAD, "d900000000", 1.0),
        (Wanted.MISSING, "e150000-7", 0.5),
        (Wanted.ALL, "", 0.0),
        (Wanted.ALL, "d150000000", 0.25),
        (Wanted.ALL, "e", 0.5),
        (Wanted.ALL, "e150000-0", 0.75),
    ],
)
def test_its_share_is_of_the_time_of_its_walks(wanted: Wanted, cursor: str, done: float) -> None:
    assert share(replay(wanted), cursor) == done


@given(st.sampled_from(Wanted), st.sampled_from(Walk), st.integers(0, 10**15))
def test_a_cursor_says_its_place(wanted: Wanted, walk: Walk, after: int) -> None:
    place = Place(walk, str(after))
    assert place_of(replay(wanted), place.cursor) == place
    assert place_of(replay(wanted), "") == Place(WALKS[wanted][0])


def test_walks_follow_one_another() -> None:
    assert next_walk(replay(Wanted.ALL), Walk.DELIVERIES) is Walk.EVENTS
    assert next_walk(replay(Wanted.ALL), Walk.EVENTS) is None
    assert next_walk(replay(Wanted.DEAD), Walk.DELIVERIES) is None
