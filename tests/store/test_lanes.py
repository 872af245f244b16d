"""Order, and what a person's change of mind leaves behind in the lists."""

from dataclasses import replace

from relay.core.delivery import State, Step
from relay.core.ids import WebhookId
from relay.core.webhook import Status
from relay.store.deliveries import Settlement
from tests.store.audit import audit
from tests.store.filled import Filled, webhook
from tests.waiting import until

ONE = WebhookId("wh_1")


def names(first: int, last: int) -> list[str]:
    return [f"Ev{number}" for number in range(first, last + 1)]


def enable(filled: Filled, status: Status, *, drain: bool = False) -> None:
    stands = filled.webhooks.get(ONE)
    assert stands is not None
    filled.webhooks.change(replace(stands, status=status), drain=drain)


def deliver_all(filled: Filled) -> list[str]:
    """The events in the order in which an endpoint that takes everything gets them."""
    delivered: list[str] = []
    while claims := filled.claim(1000):
        for claim in claims:
            filled.settle(claim, Step.ACCEPT)
            delivered.append(claim.event_id)
    return delivered


def test_who_was_cancelled_behind_others_is_passed_over_when_it_comes_up(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver(*names(1, 4), lane="C1")
    assert filled.deliveries.redo(filled.ids()[1:3], Step.CANCEL) == [1, 1]
    assert deliver_all(filled) == ["Ev1", "Ev4"]
    assert audit(filled.client.redis) == []


def test_a_lane_goes_on_behind_however_many_that_were_cancelled(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver(*names(1, 402), lane="C1")
    assert set(filled.deliveries.redo(filled.ids()[1:401], Step.CANCEL)) == {1}
    assert deliver_all(filled) == ["Ev1", "Ev402"]
    assert audit(filled.client.redis) == []


def test_who_was_cancelled_and_sent_again_is_not_claimed_before_its_next_try(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver("Ev1")
    (id,) = filled.ids()
    filled.deliveries.redo([id], Step.CANCEL)
    filled.deliveries.redo([id], Step.REPLAY)  # and stands twice among the fresh
    (claim,) = filled.claim(1)
    filled.settle(claim, Step.POSTPONE, wait_s=60)
    assert filled.claim() == []
    assert filled.state(id) is State.RETRYING


def test_to_disable_it_does_not_touch_what_is_in_flight(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver("Ev1")
    (id,) = filled.ids()
    filled.deliveries.redo([id], Step.CANCEL)
    filled.deliveries.redo([id], Step.REPLAY)
    (claim,) = filled.claim(1)
    enable(filled, Status.DISABLED)
    assert filled.claim() == []
    assert filled.state(id) is State.SENDING
    assert filled.settle(claim, Step.ACCEPT).in_time == [True]


def test_who_comes_while_it_is_disabled_does_not_overtake_those_that_are_still_to_be_held(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver(*names(1, 3), lane="C1")
    (first,) = filled.claim()
    enable(filled, Status.DISABLED)
    filled.deliver("Ev4", lane="C1")
    filled.settle(first, Step.ACCEPT)
    assert filled.claim() == []
    assert {filled.state(id) for id in filled.ids()[1:]} == {State.HELD}
    filled.deliver("Ev5", lane="C1")
    enable(filled, Status.ENABLED, drain=True)
    assert deliver_all(filled) == names(2, 5)


def test_to_drain_keeps_the_order_even_of_those_that_were_not_held_yet(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver(*names(1, 500), lane="C1")
    enable(filled, Status.DISABLED)
    filled.deliveries.claim(1)
    enable(filled, Status.ENABLED, drain=True)
    filled.deliver(*names(501, 510), lane="C1")
    assert deliver_all(filled) == names(1, 510)


def test_to_enable_it_forgets_its_failures(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1", max_in_flight=10))
    filled.deliver(*names(1, 10))
    for claim in filled.claim():
        filled.settle(claim, Step.POSTPONE, pause_s=600)
    assert filled.claim() == []
    enable(filled, Status.DISABLED)
    filled.claim()
    enable(filled, Status.ENABLED, drain=True)
    assert len(filled.claim()) == 10


def test_many_that_fail_at_the_same_moment_are_one_fault(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1", max_in_flight=200))
    filled.deliver(*names(1, 200))
    together = [Settlement(claim=claim, step=Step.POSTPONE, failed=True, attempt=b"{}") for claim in filled.claim(200)]
    filled.deliveries.settle(together)
    (probe,) = until(filled.claim, 5.0, saying="a probe goes out, after a second")
    filled.settle(probe, Step.POSTPONE, wait_s=0)
    assert 1 < (filled.deliveries.claim(1).wait_s or 0) <= 2, "the second fault doubles it"


def test_what_is_cancelled_in_great_number_does_not_hold_a_claim_up(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    for start in range(0, 3000, 500):
        filled.deliver(*names(start, start + 499))
    ids = filled.ids()
    for start in range(0, 2990, 500):
        filled.deliveries.redo(ids[start : min(start + 500, 2990)], Step.CANCEL)
    claimed, calls = filled.deliveries.claim(10), 1
    while not claimed.claims:
        assert claimed.wait_s == 0
        claimed, calls = filled.deliveries.claim(10), calls + 1
    assert (len(claimed.claims), calls) == (10, 5)


def test_retries_have_their_share_while_new_ones_come_and_come(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1", max_in_flight=1))
    filled.deliver(*names(1, 200))
    for _ in range(20):
        (claim,) = filled.claim()
        filled.settle(claim, Step.POSTPONE, failed=False)
    tries = []
    for _ in range(100):
        (claim,) = filled.claim()
        tries.append(claim.tries)
        filled.settle(claim, Step.ACCEPT)
    assert 5 <= sum(each > 0 for each in tries) <= 50
