"""Matching: the index says what the law says, whatever was changed before, however many are registered."""

import json
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings, strategies as st

from relay.core.envelope import Envelope, Media
from relay.core.ids import ConnectionId, EventId, WebhookId
from relay.core.matching import Match, Matcher, passes
from relay.core.reading import read_document
from relay.core.shelves import FEW
from relay.core.webhook import Json, Order, SigningSecret, Status, Webhook, lane_of
from relay.core.wildcard import Wildcard
from tests.core.steps import calls_of, steps

SECRET = SigningSecret(secret="whsec_" + "A" * 32)
A, B = ConnectionId("con_a"), ConnectionId("con_b")


def webhook(name: str, *events: str, **wishes: object) -> Webhook:
    blank = Webhook(id=WebhookId(name), url="https://example.com", events=events or ("message",), secrets=(SECRET,))
    return replace(blank, **wishes)  # type: ignore[arg-type]  # the tests' own shorthand


def enveloped(body: bytes, kind: str = "message", media: Media = Media.JSON) -> Envelope:
    return Envelope(
        event_id=EventId("Ev1"), connection=A, kind=kind, channel="C1", received_at=0, body=body, media=media
    )


def envelope(
    kind: str = "message", channel: str = "C1", connection: ConnectionId | None = A, **event: Json
) -> Envelope:
    body = json.dumps({"team_id": "T1", "event": {"type": kind.partition(".")[0], "channel": channel, **event}})
    return Envelope(
        event_id=EventId("Ev1"), connection=connection, kind=kind, channel=channel, received_at=0, body=body.encode()
    )


def names(webhooks: Iterable[Webhook]) -> list[str]:
    return sorted(webhook.id for webhook in webhooks)


def test_channels_and_connections_restrict_and_nothing_restricts_nothing() -> None:
    matcher = Matcher(
        [
            webhook("any"),
            webhook("c1", channels=("C1", "C2")),
            webhook("c9", channels=("C9",)),
            webhook("a", connections=(A,)),
            webhook("b", connections=(B,)),
            webhook("both", channels=("C1",), connections=(B, A)),
        ]
    )
    assert names(matcher.match(envelope())) == ["a", "any", "both", "c1"]
    assert names(matcher.match(envelope(channel=""))) == ["a", "any"]


def test_a_webhook_that_names_an_event_in_three_ways_gets_it_once() -> None:
    assert names(Matcher([webhook("w", "message", "mess*", "*")]).match(envelope())) == ["w"]


def test_disabled_webhooks_match_too_for_their_deliveries_are_held() -> None:
    assert names(Matcher([webhook("w", status=Status.DISABLED)]).match(envelope())) == ["w"]


def test_the_relays_own_events_belong_to_no_channel_and_come_to_those_who_name_them() -> None:
    matcher = Matcher(
        [
            webhook("named", "message", "relay.*", channels=("C1",), connections=(A,)),
            webhook("other", "relay.connection_down", connections=(B,)),
            webhook("all", "**"),
        ]
    )
    down = envelope("relay.connection_down", channel="", connection=None)
    assert names(matcher.match(down)) == ["named", "other"]
    assert names(matcher.match(envelope("relay.connection_down", channel="", connection=A))) == ["named"]


def test_a_form_is_matched_by_its_fields_and_an_interactive_one_by_its_payload() -> None:
    command = enveloped(urlencode({"command": "/deploy", "text": ""}).encode(), "slash_commands", Media.FORM)
    payload = json.dumps({"type": "block_actions", "actions": [{"action_id": "ok"}]})
    action = enveloped(urlencode({"payload": payload}).encode(), "interactive.block_actions", Media.FORM)
    matcher = Matcher(
        [
            webhook("deploy", "slash_commands", filter={"command": ["/deploy"], "text": [""]}),
            webhook("roll", "slash_commands", filter={"command": ["/roll"]}),
            webhook("ok", "interactive", filter={"actions": {"action_id": ["ok"]}}),
            webhook("no", "interactive", filter={"actions": {"action_id": ["no"]}}),
        ]
    )
    assert names(matcher.match(command)) == ["deploy"]
    assert names(matcher.match(action)) == ["ok"]


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b"\xff", b"[" * 100_000])
def test_a_body_that_cannot_be_read_passes_no_filter_and_breaks_nothing(body: bytes) -> None:
    matcher = Matcher([webhook("plain"), webhook("asks", filter={"event": {"text": [{"exists": True}]}})])
    assert names(matcher.match(enveloped(body))) == ["plain"]


def test_a_filter_that_cannot_be_read_breaks_its_own_webhook_only() -> None:
    matcher = Matcher([webhook("good"), webhook("bad", filter={"event": "C1"})])
    assert names(matcher.match(envelope())) == ["good"]
    assert list(matcher.broken) == ["bad"]
    matcher.change([webhook("bad")])
    assert names(matcher.match(envelope())) == ["bad", "good"]
    assert not matcher.broken


def test_a_body_is_parsed_once_and_only_if_a_candidate_has_a_filter() -> None:
    arriving = envelope(user="U1")
    elsewhere = webhook("elsewhere", filter={"event": {"user": ["U1"]}}, channels=("C9",))
    asking = [webhook(f"asks_{number}", filter={"event": {"user": ["U1"]}}) for number in range(50)]
    assert calls_of(read_document, lambda: Matcher([webhook("plain"), elsewhere]).match(arriving)) == 0
    assert calls_of(read_document, lambda: Matcher(asking).match(arriving)) == 1


def test_a_documents_absence_of_an_object_is_an_empty_one() -> None:
    assert read_document(enveloped(b"7")) == {}


kinds = st.sampled_from(
    ["message", "message.bot_message", "reaction_added", "channel_rename", "user_typing", "relay.connection_up"]
)
selectors = st.sampled_from(
    [
        "message",
        "message.bot_message",
        "*",
        "**",
        "channel_*",
        "*_added",
        "*.bot_*",
        "user_typing",
        "relay.*",
        "relay.up",
    ]
)
channels = st.sampled_from(["C1", "C2", "D1"])
connections = st.sampled_from([A, B])
words = st.sampled_from(["a", "ab", "abc", "bcab", "B", "10.0.0.1", "::1", ""])
scalar: st.SearchStrategy[Json] = words | st.sampled_from([0, 1, 1.5, -2, 10**400, True, None])
bounds = st.sampled_from([-2, 0, 1, 1.5, 3, 10**400])
conditions: st.SearchStrategy[Json] = st.one_of(
    scalar,
    st.builds(
        lambda word, text: {word: text}, st.sampled_from(["prefix", "suffix", "equals-ignore-case"]), words.filter(bool)
    ),
    st.builds(
        lambda word, text: {word: {"equals-ignore-case": text}},
        st.sampled_from(["prefix", "suffix"]),
        words.filter(bool),
    ),
    st.builds(lambda text: {"wildcard": text}, st.sampled_from(["*", "a*", "*b", "*bc*", "a*c", "abc", "*b*c*"])),
    st.builds(lambda value: {"anything-but": value}, scalar | st.lists(scalar, min_size=1, max_size=3)),
    st.builds(lambda there: {"exists": there}, st.booleans()),
    st.builds(lambda sign, bound: {"numeric": [sign, bound]}, st.sampled_from(["=", "<", "<=", ">", ">="]), bounds),
    st.builds(lambda low, high: {"numeric": [">=", low, "<", high]}, bounds, bounds),
    st.builds(lambda network: {"cidr": network}, st.sampled_from(["10.0.0.0/8", "0.0.0.0/0", "::/0", "::1/128"])),
)
fields = st.sampled_from(["text", "user", "item"])
leaves = st.dictionaries(fields, st.lists(conditions, min_size=1, max_size=3), min_size=1, max_size=3)
branches = (
    leaves
    | st.builds(lambda leaf: {"item": leaf}, leaves)
    | st.builds(lambda each: {"$or": each}, st.lists(leaves, min_size=1, max_size=2))
)
filters = st.none() | st.builds(lambda branch: {"event": branch}, branches)
webhooks = st.builds(
    lambda number, events, wishes: webhook(f"wh_{number}", *events, **wishes),
    st.integers(0, 5),
    st.lists(selectors, min_size=1, max_size=3),
    st.fixed_dictionaries(
        {
            "channels": st.lists(channels, max_size=2).map(tuple),
            "connections": st.lists(connections, max_size=2).map(tuple),
            "filter": filters,
            "order": st.sampled_from(Order),
        }
    ),
)
values = st.recursive(
    scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields, inner, max_size=3), max_leaves=6
)
envelopes = st.builds(
    lambda kind, channel, connection, event: envelope(kind, channel, connection, **event),
    kinds,
    channels | st.just(""),
    connections | st.none(),
    st.dictionaries(fields, values, max_size=3),
)
changes = st.lists(webhooks | st.integers(0, 5).map(lambda number: WebhookId(f"wh_{number}")), max_size=12)


@settings(max_examples=300)
@given(changes, st.lists(envelopes, min_size=1, max_size=4), changes, st.sampled_from([0, 2, FEW]))
def test_the_index_says_what_the_law_says_after_any_changes(
    before: list[Webhook | WebhookId], arriving: list[Envelope], after: list[Webhook | WebhookId], few: int
) -> None:
    matcher = Matcher(few=few)
    known: dict[WebhookId, Webhook] = {}
    for changed in (before, after):
        for change in changed:
            if isinstance(change, Webhook):
                known[change.id] = change
                matcher.change([change])
            else:
                known.pop(change, None)
                matcher.change(removed=[change])
        for each in arriving:
            wanting = sorted((w for w in known.values() if passes(w, each)), key=lambda wanting: wanting.id)
            assert names(matcher.match(each)) == names(wanting)
            expected = [Match(webhook=w.id, lane=lane_of(w, each.channel)) for w in wanting]
            assert [*matcher.matches(each)] == [*matcher.matches(each)] == expected


@given(changes, st.lists(envelopes, max_size=3), st.sampled_from([0, 2, FEW]))
def test_a_matcher_that_forgot_all_keeps_nothing(
    changed: list[Webhook | WebhookId], arriving: list[Envelope], few: int
) -> None:
    matcher = Matcher((change for change in changed if isinstance(change, Webhook)), few=few)
    for each in arriving:
        matcher.match(each)
    matcher.change(removed=[WebhookId(f"wh_{number}") for number in range(6)])
    assert repr(matcher) == "<Matcher 0 webhooks in 0 rooms, 0 broken>"


def crowd(count: int) -> Iterable[Webhook]:
    """`count` webhooks that want something else than the event, in every way in which one can."""
    for number in range(count):
        wishes: list[dict[str, object]] = [
            {"events": (f"type_{number}",)},
            {"events": (f"type_{number}_*",)},
            {"channels": (f"C{number}X",)},
            {"connections": (ConnectionId(f"con_{number}"),)},
            {"filter": {"event": {"user": [f"U{number}X"]}}},
            {"filter": {"event": {"type": ["message"], "text": [{"prefix": f"{number} deploy"}]}}},
            {"filter": {"event": {"text": [{"suffix": {"equals-ignore-case": f"to {number}"}}]}}},
            {"filter": {"event": {"text": [{"wildcard": f"deploy *{number}th"}]}}},
            {"filter": {"event": {"reply_count": [{"numeric": [">", number]}]}}},
            {"filter": {"event": {"reply_count": [{"numeric": [">", number, "<", number + 100]}]}}},
            {"filter": {"event": {"address": [{"cidr": f"10.{number % 256}.{number // 256 % 256}.0/24"}]}}},
            {"filter": {"event": {"$or": [{"text": [f"{number}X"]}, {"user": [f"U{number}X"]}]}}},
            {"filter": {"event": {"user": [{"anything-but": ["U1", f"U{number}X"]}]}}},
            {
                "filter": {
                    "event": {"bot_id": [{"anything-but": f"B{number}"}], "text": [{"wildcard": f"* {number} *"}]}
                }
            },
            {"filter": {"event": {"app_id": [{"exists": True}]}}},
            {"channels": ("C1",), "filter": {"event": {"channel": ["C1"], "user": [f"U{number}X", f"W{number}X"]}}},
        ]
        yield webhook(f"wh_{number}", **wishes[number % len(wishes)])


def test_those_who_ask_the_same_are_asked_once() -> None:
    wish: Json = {"event": {"text": [{"wildcard": "*a*b*"}]}}
    arriving = envelope(text="abacus")
    many = Matcher(webhook(f"wh_{number}", filter=wish) for number in range(1000))
    assert len(many.match(arriving)) == 1000
    assert calls_of(Wildcard.passes, lambda: many.match(arriving)) == 1


WANTING = [webhook(f"wants_{number}", filter={"event": {"user": ["U1"]}}) for number in range(10)]


@pytest.fixture(scope="module")
def crowded() -> Matcher:
    return Matcher([*crowd(100_000), *WANTING])


def test_a_hundred_thousand_webhooks_cost_an_event_at_most_twice_what_a_hundred_do(crowded: Matcher) -> None:
    few = Matcher([*crowd(100), *WANTING])
    arriving = envelope(user="U1", text="hello", bot_id="B", reply_count=-1, address="11.0.0.1")
    assert names(few.match(arriving)) == names(crowded.match(arriving)) == names(WANTING)
    assert steps(lambda: crowded.match(arriving)) <= 2 * steps(lambda: few.match(arriving))


def test_one_change_among_a_hundred_thousand_webhooks_costs_what_it_costs_among_a_hundred(crowded: Matcher) -> None:
    changed = [webhook("wh_7", "**"), webhook("new", "new_*")]
    few = Matcher([*crowd(100), *WANTING])
    alone = steps(lambda: few.change(changed, [WebhookId("wh_8")]))
    assert steps(lambda: crowded.change(changed, [WebhookId("wh_8")])) <= 2 * alone
    assert names(crowded.match(envelope("new_thing"))) == ["new", "wh_7"]
