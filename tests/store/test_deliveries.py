"""What claim, settle and redo promise."""

from dataclasses import replace

import pytest

from relay.core.delivery import Reason, State, Step
from relay.core.ids import WebhookId, delivery_id
from relay.core.ledger import Ledger
from relay.core.matching import Match
from relay.core.webhook import DisabledReason, Status
from relay.store.deliveries import Deliveries
from relay.store.journal import Journal, Stretch
from relay.store.keys import Keys
from relay.store.reply import maybe_bytes
from tests.store.audit import audit
from tests.store.filled import Filled, envelope, webhook
from tests.waiting import until


def test_an_envelope_is_appended_once(filled: Filled) -> None:
    assert filled.append("Ev1", "Ev2", "Ev1") == [True, True, False]
    assert filled.append("Ev2") == [False]
    assert [entry.event_id for entry in filled.journal.newest("+", 10)] == ["Ev2", "Ev1"]


def test_what_comes_out_of_the_journal_is_what_went_in(filled: Filled) -> None:
    filled.append("Ev1")
    stored = filled.journal.events.stored(["Ev1", "Ev9"])  # type: ignore[list-item]
    assert stored[0] is not None
    assert (stored[0].envelope.body, stored[0].envelope.channel, stored[0].envelope.received_at) == (
        b'{"type":"event_callback"}',
        "C1",
        1700000000.5,
    )
    assert stored[1] is None


def test_of_two_that_fan_out_the_same_stretch_one_is_behind(filled: Filled) -> None:
    made = filled.webhooks.add(webhook("wh_1"))
    filled.append("Ev1")
    cursor = filled.journal.cursor()
    stretch = [(entry, [Match(webhook=WebhookId("wh_1"))]) for entry in filled.journal.oldest(f"({cursor}", "+", 10)]
    assert filled.fan_out_from(cursor, stretch, made.version) == "done"
    assert filled.fan_out_from(cursor, stretch, made.version) == "behind"
    assert len(filled.ids()) == 1


def test_who_matched_with_older_webhooks_is_told(filled: Filled) -> None:
    made = filled.webhooks.add(webhook("wh_1"))
    filled.append("Ev1")
    cursor = filled.journal.cursor()
    stretch = [(entry, ()) for entry in filled.journal.oldest(f"({cursor}", "+", 10)]
    assert filled.fan_out_from(cursor, stretch, made.version - 1) == "stale"
    assert filled.journal.cursor() == cursor


def test_a_webhook_at_its_bound_is_not_visited_before_one_comes_back(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1", max_in_flight=1))
    filled.deliver("Ev1", "Ev2")
    (first,) = filled.claim()
    idle = filled.deliveries.claim(8)
    assert idle.claims == []
    assert idle.wait_s is not None
    assert idle.wait_s > first.lease_s / 2, "nothing is due before the lease ends"
    filled.settle(first, Step.ACCEPT)
    assert len(filled.claim()) == 1


def test_a_delivery_is_claimed_settled_and_its_event_then_lives_for_the_retention(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver("Ev1")
    (claim,) = filled.claim()
    assert filled.claim() == []
    assert filled.client.redis.ttl("relay:{0}:event:Ev1") == -1
    assert filled.settle(claim, Step.ACCEPT).in_time == [True]
    assert filled.state(claim.id) is State.DELIVERED
    assert filled.deliveries.attempts.of(claim.id) == [b'{"n":1}']
    assert 0 < int(filled.client.redis.ttl("relay:{0}:event:Ev1")) <= 72 * 3600
    assert filled.deliveries.ledger(WebhookId("wh_1")) == Ledger(received=1, delivered=1)


@pytest.mark.parametrize("shard", [0, 7, 1023])
@pytest.mark.parametrize("newest", [0, 1023, 2**52 + 1, 32**10 - 2])
def test_a_claim_s_id_is_the_one_that_its_number_and_shard_make(filled: Filled, shard: int, newest: int) -> None:
    made = filled.webhooks.add(webhook("wh_1"))
    filled.client.redis.set(Keys(shard)("sequence"), max(newest, 1_700_000_000_000_000))
    filled.client.redis.hset(Keys(shard)("gate", "wh_1"), mapping={"status": "enabled", "max": 10})
    journal, deliveries = Journal(filled.client, shard), Deliveries(filled.client, shard)
    journal.append([envelope("Ev1"), envelope("Ev2")])
    entries = journal.oldest("-", "+", 10)
    matched = [(entry.name, [Match(webhook=made.id)]) for entry in entries]
    stretch = Stretch(cursor=journal.cursor(), following=entries[-1].position, matched=matched, begun=2)
    assert journal.fan_out(stretch, version=made.version) == "done"
    claims = deliveries.claim(10).claims
    assert [claim.id for claim in claims] == [delivery_id(claim.sequence, shard) for claim in claims]
    assert [claim.id for claim in claims] == deliveries.of_webhook(made.id, None, 10)[::-1]
    assert filled.client.newest_sequence == claims[-1].sequence


def test_a_lost_lease_comes_back_and_its_old_holder_settles_nothing(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1", timeout_s=0.01))
    filled.deliver("Ev1")
    (lost,) = filled.deliveries.claim(10, grace_s=0.01).claims
    again = until(filled.claim)[0]
    assert (again.id, again.losses) == (lost.id, 1)
    assert filled.settle(lost, Step.ACCEPT).in_time == [False]
    assert filled.state(lost.id) is State.SENDING
    assert filled.settle(again, Step.ACCEPT).in_time == [True]


def test_a_delivery_whose_workers_end_again_and_again_is_set_aside(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1", timeout_s=0))
    filled.deliver("Ev1")
    (id,) = filled.ids()
    claims = [until(lambda: filled.deliveries.claim(1, grace_s=0.001).claims)[0] for _ in range(5)]
    assert [claim.losses for claim in claims] == [0, 1, 2, 3, 4]
    assert until(lambda: filled.claim() or filled.state(id) is State.DEAD) is True
    assert filled.delivery(id).reason == Reason.LOST


def test_a_try_that_came_to_its_end_starts_the_count_of_lost_workers_anew(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1", timeout_s=0))
    filled.deliver("Ev1")
    for _ in range(4):
        until(lambda: filled.deliveries.claim(1, grace_s=0.001).claims)
    filled.settle(until(filled.claim)[0], Step.POSTPONE, wait_s=0)
    for losses in (4, 5):
        (claim,) = until(lambda: filled.deliveries.claim(1, grace_s=0.001).claims)
        assert claim.losses == losses


def test_what_a_worker_gives_back_goes_on_at_once_and_is_neither_a_try_nor_a_failure_nor_a_loss(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver("Ev1")
    for times in range(9):
        (claim,) = until(filled.claim)
        assert (claim.tries, claim.losses) == (0, times)  # the numbers of its POSTs go on
        assert filled.settle(claim, Step.GIVE_BACK, reason="unknown_error").failing == []
    assert audit(filled.client.redis) == []
    (claim,) = until(filled.claim)
    assert claim.retry_reason == "unknown_error"
    filled.settle(claim, Step.ACCEPT)
    assert filled.deliveries.ledger() == Ledger(received=1, delivered=1, events=1)


def test_a_failure_waits_for_its_next_try_and_after_the_last_is_dead_and_can_be_replayed(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver("Ev1")
    (claim,) = filled.claim()
    filled.settle(claim, Step.POSTPONE, wait_s=0.02)
    assert filled.state(claim.id) is State.RETRYING
    second = until(filled.claim)[0]
    assert second.tries == 1
    filled.settle(second, Step.GIVE_UP, reason="exhausted")
    assert filled.state(claim.id) is State.DEAD
    assert filled.deliveries.redo([claim.id], Step.REPLAY) == [1]
    assert filled.claim()[0].tries == 0


def test_in_flight_is_bounded_for_each_webhook_and_others_have_their_turn(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1", max_in_flight=2))
    filled.webhooks.add(webhook("wh_2"))
    filled.append(*(f"Ev{i}" for i in range(5)))
    filled.fan_out(Match(webhook=WebhookId("wh_1")), Match(webhook=WebhookId("wh_2")))
    claims = filled.claim()
    assert sorted(claim.webhook for claim in claims) == ["wh_1"] * 2 + ["wh_2"] * 5
    assert filled.claim() == []
    filled.settle(next(claim for claim in claims if claim.webhook == "wh_1"), Step.ACCEPT)
    assert [claim.webhook for claim in filled.claim()] == ["wh_1"]


def test_a_rate_limit_lets_a_second_s_worth_through_and_then_spreads(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1", rate_limit=50.0, max_in_flight=1000))
    filled.deliver(*(f"Ev{i}" for i in range(80)))
    claimed = filled.deliveries.claim(1000)
    assert 45 <= len(claimed.claims) <= 51
    assert claimed.wait_s is not None
    assert 0 < claimed.wait_s <= 0.02


def test_who_takes_all_it_has_room_for_and_leaves_some_wakes_another(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver("Ev1", "Ev2")
    filled.deliveries.wait(1)
    assert filled.client.redis.llen("relay:{0}:bell") == 0
    filled.claim(1)
    assert filled.client.redis.llen("relay:{0}:bell") == 1
    filled.claim(1)
    assert filled.client.redis.llen("relay:{0}:bell") == 1


def test_a_webhook_that_fails_in_a_row_is_probed_by_one_delivery_at_a_time(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1", max_in_flight=5))
    filled.deliver(*(f"Ev{i}" for i in range(10)))
    settled = [filled.settle(claim, Step.POSTPONE, wait_s=500) for claim in filled.claim()][-1]
    assert (settled.failing[0].webhook, settled.failing[0].deliveries) == ("wh_1", 5)
    assert filled.claim() == []
    assert len(until(filled.claim, 5)) == 1


def test_a_disabled_webhook_s_deliveries_are_held_and_drained(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver("Ev1")
    assert filled.webhooks.disable(WebhookId("wh_1"), DisabledReason.MANUAL, 1.0)
    filled.deliver("Ev2")
    assert filled.claim() == []
    assert [filled.state(id) for id in filled.ids()] == [State.HELD, State.HELD]
    assert filled.deliveries.ledger(WebhookId("wh_1")).held == 2
    disabled = filled.webhooks.get(WebhookId("wh_1"))
    assert disabled is not None
    filled.webhooks.change(replace(disabled, status=Status.ENABLED), drain=True)
    assert len(filled.claim()) == 2


def test_a_removed_webhook_s_deliveries_are_cancelled_and_the_whole_ledger_still_closes(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver("Ev1", "Ev2")
    claim = filled.claim(1)[0]
    filled.webhooks.remove(WebhookId("wh_1"))
    filled.claim()
    filled.settle(claim, Step.POSTPONE)
    filled.claim()
    assert filled.deliveries.ledger() == Ledger(received=2, dead=2, cancelled=2, events=2)
    assert filled.client.redis.ttl("relay:{0}:gate:wh_1") > 0


def test_a_lane_goes_on_only_when_its_head_is_settled(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver("Ev1", "Ev2", lane="C1")
    filled.deliver("Ev3", lane="C2")
    first, other = filled.claim()
    assert [first.event_id, other.event_id] == ["Ev1", "Ev3"]
    filled.settle(first, Step.POSTPONE, wait_s=0.01)
    again = until(filled.claim)
    assert [claim.event_id for claim in again] == ["Ev1"]
    filled.settle(again[0], Step.GIVE_UP)
    assert [claim.event_id for claim in filled.claim()] == ["Ev2"]


def test_a_cancelled_delivery_is_never_claimed(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver("Ev1", "Ev2")
    assert filled.deliveries.redo(filled.ids()[:1], Step.CANCEL) == [1]
    assert [claim.event_id for claim in filled.claim()] == ["Ev2"]


def test_webhooks_come_back_as_they_were_and_their_secrets_are_sealed(filled: Filled) -> None:
    made = filled.webhooks.add(
        webhook("wh_1", headers=(("X-Key", "hidden"),), filter={"event": {"text": [{"prefix": "a"}]}})
    )
    assert filled.webhooks.get(made.id) == made
    kept = maybe_bytes(filled.client.redis.hget("relay:{g}:webhooks", "wh_1")) or b""
    assert b"hidden" not in kept
    assert b"QUJDREVG" not in kept
