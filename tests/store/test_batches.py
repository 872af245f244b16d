"""What is written once for many, or in fewer words than one by one, says of each what it said before."""

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from relay.core.delivery import Step
from relay.core.envelope import Envelope, Media
from relay.core.ids import ConnectionId, EventId, WebhookId
from relay.core.matching import Match
from tests.store.filled import Filled, webhook

ENVELOPES = st.builds(
    Envelope,
    event_id=st.integers(1, 10**9).map(lambda number: EventId(f"Ev{number}")),
    connection=st.sampled_from([None, ConnectionId("con_1"), ConnectionId("con_2")]),
    kind=st.sampled_from(["message", "relay.test", 'odd"kind\\/é\U0001f680']),
    channel=st.sampled_from(["", "C1", "C2"]),
    received_at=st.sampled_from([1700000000.5, 1700000001.0, 0.1]),
    body=st.sampled_from([b"{}", b"", b"two\nlines\n", b'{"text":"' + b"x" * 3000 + b'"}']),
    media=st.sampled_from(Media),
)


@given(st.lists(ENVELOPES, max_size=20, unique_by=lambda one: one.event_id))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_many_have_in_common_is_written_once_and_comes_back_with_each(
    filled: Filled, envelopes: list[Envelope]
) -> None:
    filled.client.redis.flushall()
    assert filled.journal.append(envelopes) == [True] * len(envelopes)
    stored = filled.journal.events.stored([one.event_id for one in envelopes])
    assert [one and one.envelope for one in stored] == envelopes
    entries = filled.journal.oldest("-", "+", 100)
    assert [(entry.event_id, entry.kind, entry.channel, entry.connection) for entry in entries] == [
        (one.event_id, one.kind, one.channel, one.connection) for one in envelopes
    ]


def test_a_last_try_is_written_behind_what_was_there_whoever_wrote_that(filled: Filled) -> None:
    """A release before this one kept no mark of a delivery that it had sent again."""
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver("Ev1")
    (claim,) = filled.claim()
    name = f"relay:{{0}}:attempts:{claim.sequence}"
    filled.client.redis.set(name, b'{"n":0}\n')
    filled.settle(claim, Step.ACCEPT)
    assert filled.deliveries.attempts.of(claim.id) == [b'{"n":0}', b'{"n":1}']
    assert filled.client.redis.pttl(name) > 0


@pytest.mark.parametrize("step", [Step.ACCEPT, Step.GIVE_UP])
def test_what_has_come_to_rest_lives_for_the_retention_with_all_that_belongs_to_it(filled: Filled, step: Step) -> None:
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver("Ev1", "Ev2")
    for claim in filled.claim():
        filled.settle(claim, step)
    redis = filled.client.redis
    of_deliveries = [*redis.scan_iter("relay:{0}:delivery:*"), *redis.scan_iter("relay:{0}:attempts:*")]
    assert len(of_deliveries) == 4
    assert min(map(redis.pttl, [*of_deliveries, *redis.scan_iter("relay:{0}:event:*")])) > 0
    assert filled.client.redis.zcard("relay:{0}:leases") == 0


def test_an_event_that_nobody_wanted_stays_once_it_has_a_delivery(filled: Filled) -> None:
    filled.append("Ev1")
    assert filled.fan_out() == "done"
    assert filled.client.redis.pttl("relay:{0}:event:Ev1") > 0
    filled.webhooks.add(webhook("wh_1"))
    filled.client.redis.delete("relay:{0}:cursor")
    assert filled.fan_out(Match(webhook=WebhookId("wh_1"))) == "done"
    assert filled.client.redis.pttl("relay:{0}:event:Ev1") == -1
