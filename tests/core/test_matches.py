"""Answers that are kept: the same for all events of a kind, while no filter has a say and no webhook changes."""

from hypothesis import given, strategies as st

from relay.core.ids import WebhookId
from relay.core.matching import Match, Matcher
from relay.core.webhook import Order
from tests.core.test_matching import envelope, webhook


def test_what_no_filter_decides_is_answered_with_the_same_object() -> None:
    matcher = Matcher([webhook("plain"), webhook("asks", "reaction_added", filter={"event": {"user": ["U1"]}})])
    assert matcher.matches(envelope(channel="C2", text="two")) is matcher.matches(envelope(text="one"))
    reaction = envelope("reaction_added", user="U1")
    assert matcher.matches(reaction) == matcher.matches(reaction) == [Match(webhook=WebhookId("asks"))]
    assert matcher.matches(envelope("reaction_added", user="U2")) == []


def test_a_change_is_seen_at_once() -> None:
    matcher = Matcher([webhook("plain")])
    assert matcher.matches(envelope("message")) == [Match(webhook=WebhookId("plain"))]
    matcher.change([webhook("heeds", order=Order.CHANNEL)])
    lanes = [[match.lane for match in matcher.matches(envelope(channel=channel))] for channel in ("C1", "C2")]
    assert lanes == [["C1", ""], ["C2", ""]]
    matcher.change(removed=[WebhookId("heeds"), WebhookId("plain")])
    assert matcher.matches(envelope("message")) == []


def test_kept_answers_are_bounded() -> None:
    matcher = Matcher([webhook("any"), webhook("heeds", order=Order.CHANNEL)], ready=10)
    first = matcher.matches(envelope())
    for number in range(4):
        assert matcher.matches(envelope(channel=f"D{number}")) is matcher.matches(envelope(channel=f"D{number}"))
    again = matcher.matches(envelope())
    assert again == first
    assert again is not first


KINDS = st.sampled_from(["message", "reaction_added", "team_join"])


@given(st.lists(st.tuples(KINDS, st.sampled_from(["C1", "C2"]), st.sampled_from(["U1", "U2"]))), st.booleans())
def test_many_asked_together_are_answered_as_each_alone(asked: list[tuple[str, str, str]], ordered: bool) -> None:
    webhooks = [webhook("plain"), webhook("asks", "reaction_added", filter={"event": {"user": ["U1"]}})]
    webhooks += [webhook("heeds", order=Order.CHANNEL)] if ordered else []
    envelopes = [envelope(kind, channel=channel, user=user) for kind, channel, user in asked]
    matcher = Matcher(webhooks)
    for _ in range(2):  # once nothing is ready, and once much is
        assert matcher.matches_of(envelopes) == [Matcher(webhooks).matches(each) for each in envelopes]
