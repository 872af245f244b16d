"""Redis' clock jumps, by an hour: nothing is lost, nothing comes twice but what was in flight, and nothing is stuck."""

import pytest

from relay.core.delivery import State, Step
from relay.core.ids import ConnectionId
from relay.core.ledger import Ledger
from relay.core.reply import Reply
from relay.store.replies import Replies, Taken
from relay.store.turns import BURST, TURN_MS, Turns
from relay.store.workers import GOOD_FOR_S, Workers
from tests.store.audit import audit
from tests.store.clock import set_back
from tests.store.filled import Filled, webhook
from tests.waiting import until

HOUR_S = 3600.0
MINUTE_S = 60.0


@pytest.fixture
def filled(filled: Filled) -> Filled:
    filled.webhooks.add(webhook("wh_1"))
    return filled


def forward(filled: Filled, by_s: float) -> None:
    set_back(filled.client.redis, -by_s)


def back(filled: Filled, by_s: float = HOUR_S) -> None:
    """And what tends the store has come by, as it does every half minute."""
    set_back(filled.client.redis, by_s)
    filled.journal.tend()


def took_all(filled: Filled, count: int) -> bool:
    """Whether so many are delivered, once what can be claimed now is."""
    for claim in filled.claim():
        filled.settle(claim, Step.ACCEPT)
    return filled.deliveries.ledger().delivered == count


def test_forward_what_is_in_flight_comes_once_more_and_its_first_answer_comes_too_late(filled: Filled) -> None:
    filled.deliver("Ev1", "Ev2")
    first = filled.claim(1)
    forward(filled, HOUR_S)
    again = filled.claim()
    assert sorted(claim.event_id for claim in again) == ["Ev1", "Ev2"]
    assert filled.settle(first[0], Step.ACCEPT).in_time == [False]
    assert all(filled.settle(claim, Step.ACCEPT).in_time == [True] for claim in again)
    assert filled.deliveries.ledger() == Ledger(received=2, delivered=2, events=2)
    assert audit(filled.client.redis) == []


def test_back_what_comes_then_goes_out_at_once(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_2", rate_limit=1000.0))
    filled.deliver("Ev1")
    filled.deliver("Ev2", to="wh_2")
    for claim in filled.claim():
        filled.settle(claim, Step.ACCEPT)
    set_back(filled.client.redis, HOUR_S)  # and nothing tends it
    filled.deliver("Ev3")
    filled.deliver("Ev4", to="wh_2")
    until(lambda: took_all(filled, 4))
    assert filled.ids()[0] < filled.ids()[1]


def test_back_what_waited_then_goes_out(filled: Filled) -> None:
    filled.deliver("Ev1")
    back(filled)
    assert [claim.event_id for claim in filled.claim()] == ["Ev1"]


def test_back_the_lease_of_a_dead_worker_ends_within_a_minute(filled: Filled) -> None:
    filled.deliver("Ev1")
    assert len(filled.claim()) == 1
    back(filled)
    assert filled.claim() == []
    forward(filled, MINUTE_S)
    assert [claim.losses for claim in until(filled.claim)] == [1]
    assert audit(filled.client.redis) == []


def test_back_a_pause_does_not_grow(filled: Filled) -> None:
    filled.deliver("Ev1", "Ev2")
    filled.settle(filled.claim(1)[0], Step.POSTPONE, pause_s=5.0, wait_s=300.0)
    back(filled)
    assert filled.claim() == []
    forward(filled, 5.0)
    assert [claim.event_id for claim in filled.claim()] == ["Ev2"]


def test_back_an_hour_s_pause_that_an_endpoint_asked_for_stays_one(filled: Filled) -> None:
    filled.deliver("Ev1", "Ev2")
    filled.settle(filled.claim(1)[0], Step.POSTPONE, pause_s=HOUR_S, wait_s=HOUR_S)
    back(filled)
    forward(filled, HOUR_S - 10)
    assert filled.claim() == []
    forward(filled, 10)
    assert [claim.event_id for claim in filled.claim()] == ["Ev2"]


def test_back_another_try_comes_later_by_as_much_but_at_once_for_whom_it_is_too_late(filled: Filled) -> None:
    filled.deliver("Ev1", "Ev2")
    for claim in filled.claim():
        filled.settle(claim, Step.POSTPONE, wait_s=5.0)
    back(filled)
    forward(filled, HOUR_S - 1)
    assert filled.claim() == []
    assert filled.deliveries.redo(filled.ids()[:1], Step.REPLAY) == [1]
    assert [claim.event_id for claim in filled.claim()] == ["Ev1"]
    forward(filled, 6.0)
    assert [claim.event_id for claim in filled.claim()] == ["Ev2"]
    assert filled.state(filled.ids()[1]) is State.SENDING


def test_back_what_is_to_be_said_in_slack_is_said_within_a_minute(filled: Filled) -> None:
    filled.deliver("Ev1", "Ev2")
    reply = Reply(connection=ConnectionId("con_1"), channel="C1", text="yes", thread_ts="", at=0.0)
    replies = Replies(filled.client)
    for claim in filled.claim():
        filled.settle(claim, Step.ACCEPT, reply=reply)
    first = replies.take()
    assert isinstance(first, Taken)
    replies.finish(first, over=True, wait_s=1.0)
    back(filled)
    assert not isinstance(replies.take(), Taken)
    forward(filled, MINUTE_S)
    assert isinstance(replies.take(), Taken)


def test_back_slack_is_called_as_often_as_before(filled: Filled) -> None:
    turns = Turns(filled.client)
    assert [turns.take("xoxb") for _ in range(BURST)] == [0.0] * BURST
    back(filled)
    assert 0 < turns.take("xoxb") <= TURN_MS / 1000


def test_back_a_dead_worker_s_share_is_taken_over(filled: Filled) -> None:
    dead, living = Workers(filled.client), Workers(filled.client)
    dead.beat()
    back(filled)
    assert living.beat() == {dead.me, living.me}
    forward(filled, GOOD_FOR_S + 1)
    assert living.beat() == {living.me}


def test_a_pause_longer_than_any_endpoint_may_ask_for_is_cut_to_an_hour(filled: Filled) -> None:
    filled.deliver("Ev1", "Ev2")
    (claim,) = filled.claim(1)
    filled.settle(claim, Step.POSTPONE, pause_s=2 * HOUR_S)
    filled.journal.tend()
    assert HOUR_S - MINUTE_S < (filled.deliveries.claim(1).wait_s or 0) <= HOUR_S
