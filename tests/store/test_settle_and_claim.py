"""What tries did is written down and the next are lent, in one round trip: nobody is woken for nothing, and nothing is
left that nobody was woken for.
"""

from dataclasses import replace

import pytest
from msgspec import structs

from relay.core.delivery import Claim, State, Step
from relay.core.ids import WebhookId
from relay.core.ledger import Ledger
from relay.store.deliveries import Settled, Settlement
from tests.store.audit import audit
from tests.store.filled import Filled, webhook

ONE = WebhookId("wh_1")


def settle_and_claim(
    filled: Filled, *claims: Claim, limit: int = 10, step: Step = Step.ACCEPT, wait_s: float = 0.0
) -> tuple[Settled, list[str]]:
    done = [
        Settlement(claim=one, step=step, failed=step is not Step.ACCEPT, wait_s=wait_s, attempt=b'{"n":1}')
        for one in claims
    ]
    settled, claimed = filled.deliveries.settle_and_claim(done, limit)
    return settled, [claim.event_id for claim in claimed.claims]


def bell_rings(filled: Filled) -> bool:
    return filled.client.redis.lpop("relay:{0}:bell") is not None


@pytest.fixture(autouse=True)
def _one_at_a_time(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1", max_in_flight=1))


def under_way(filled: Filled) -> Claim:
    """The first of three; the others wait for it."""
    filled.deliver("Ev1", "Ev2", "Ev3")
    (claim,) = filled.claim()
    bell_rings(filled)
    return claim


def test_what_a_settled_delivery_makes_room_for_is_lent_at_once_and_nobody_is_woken(filled: Filled) -> None:
    claim = under_way(filled)
    settled, lent = settle_and_claim(filled, claim)
    assert (settled.in_time, settled.failing, settled.watched, lent) == ([True], [], False, ["Ev2"])
    assert not bell_rings(filled)
    assert filled.state(claim.id) is State.DELIVERED
    assert filled.deliveries.ledger() == Ledger(received=3, delivered=1, outstanding=2, events=3)
    assert audit(filled.client.redis) == []


def test_with_nothing_to_settle_it_is_a_claim(filled: Filled) -> None:
    filled.deliver("Ev1")
    assert settle_and_claim(filled) == (Settled([], [], watched=False), ["Ev1"])


def test_who_has_no_room_leaves_it_to_others_and_wakes_them(filled: Filled) -> None:
    _, lent = settle_and_claim(filled, under_way(filled), limit=0)
    assert lent == []
    assert bell_rings(filled)
    assert [claim.event_id for claim in filled.claim()] == ["Ev2"]


def test_who_takes_all_it_has_room_for_and_leaves_some_wakes_another(filled: Filled) -> None:
    stands = filled.webhooks.get(ONE)
    assert stands is not None
    claim = under_way(filled)
    filled.webhooks.change(replace(stands, max_in_flight=5))
    bell_rings(filled)
    _, lent = settle_and_claim(filled, claim, limit=1)
    assert lent == ["Ev2"]
    assert bell_rings(filled)
    assert [claim.event_id for claim in filled.claim()] == ["Ev3"]


def test_for_what_is_due_soon_somebody_is_woken_who_waits_for_it(filled: Filled) -> None:
    filled.deliver("Ev1")
    (claim,) = filled.claim()
    bell_rings(filled)
    settled, lent = settle_and_claim(filled, claim, step=Step.POSTPONE, wait_s=3.0)
    assert ([each.webhook for each in settled.failing], lent) == ([ONE], [])
    assert bell_rings(filled)
    assert 2 < (filled.deliveries.claim(1).wait_s or 0) <= 3


def test_a_redis_that_knows_only_some_of_the_scripts_does_it_all_in_turn(filled: Filled) -> None:
    """Redis was restarted, and knows no script but the one that somebody has used since."""
    claim = under_way(filled)
    filled.client.redis.script_flush()
    assert filled.claim() == []
    settled, lent = settle_and_claim(filled, claim)
    assert (settled.in_time, lent) == ([True], ["Ev2"])
    assert not bell_rings(filled)


def test_who_settles_late_is_told_and_lent_what_there_is(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_2", timeout_s=0.0))
    filled.deliver("Ev1", to="wh_2")
    (lost,) = filled.deliveries.claim(1, grace_s=0.0).claims
    settled, lent = settle_and_claim(filled, lost)
    assert settled.in_time == [True]  # its lease was not yet taken from it
    assert lent == []
    settled, _ = settle_and_claim(filled, structs.replace(lost, fence=lost.fence - 1))
    assert settled.in_time == [False]
