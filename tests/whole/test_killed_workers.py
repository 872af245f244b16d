"""Two workers under traffic, killed in turn with SIGKILL: no event is lost, none is told twice. `tests.chaos.holders`
in short; and its count: it must see what it is there to see.
"""

import pytest

from tests.chaos.counting import Count, Request, count
from tests.chaos.holders import Plan, attacked

KILL = 100.0


@pytest.mark.timeout(120)
def test_the_holder_and_the_standby_killed_in_turn_lose_nothing_and_double_nothing() -> None:
    """Of two bots, whose webhooks each get each event once."""
    outcome = attacked(Plan(seconds=0.0, kills=2, bots=2))
    for seen in outcome.counts.values():
        assert seen.emitted > 800
        assert seen.good, seen
    assert outcome.ledger.closes
    assert outcome.audit == []


def request(number: int, *, at: float = 10.0, delivery: str = "", said: str | None = None) -> Request:
    return Request(
        event=f"Ev{number}",
        delivery=delivery or f"dlv_{number}",
        said=f"said {number}" if said is None else said,
        began=at,
        ended=at + 0.05,
    )


def counted(*requests: Request, said: int = 2) -> Count:
    return count([f"said {number}" for number in range(said)], requests, [KILL])


BOTH = (request(0), request(1))


def test_the_count_is_content_with_what_is_right() -> None:
    seen = counted(*BOTH, request(2, said=""))  # a mention, which the relay made
    assert seen == Count(emitted=2, arrived=2, lost=0, foreign=0, doubled=0, again=0, unexplained=[], kills=1)
    assert seen.good


@pytest.mark.parametrize(
    ("requests", "wrong"),
    [
        (BOTH[:1], "lost"),
        ((*BOTH, request(7)), "foreign"),
        ((*BOTH, request(2, said="said 1")), "foreign"),
        ((*BOTH, request(1, at=11.0, delivery="dlv_other")), "doubled"),
    ],
)
def test_the_count_sees_what_is_wrong(requests: tuple[Request, ...], wrong: str) -> None:
    seen = counted(*requests)
    assert getattr(seen, wrong) == 1
    assert not seen.good


@pytest.mark.parametrize("after_s", [-50.0, 1.0])
def test_what_comes_again_without_a_kill_is_not_explained(after_s: float) -> None:
    seen = counted(request(0), request(1, at=KILL + after_s), request(1, at=KILL + 60))
    assert (seen.again, seen.unexplained) == (1, [after_s])
    assert not seen.good


@pytest.mark.parametrize("before_s", [-0.1, 0.0, 0.04, 1.5])
def test_what_was_in_flight_at_a_kill_may_come_again(before_s: float) -> None:
    seen = counted(request(0), request(1, at=KILL - before_s), request(1, at=KILL + 10))
    assert (seen.again, seen.unexplained) == (1, [])
    assert seen.good
