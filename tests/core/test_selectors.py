"""Selectors: a table of what means what, and what is refused."""

import pytest

from relay.core.selectors import CONTROL, RTM_ONLY, InvalidSelector, check_selector, is_glob, plain_selectors, selects

MEANS = [
    ("message", "message"),
    ("message", "message.message_changed"),
    ("message.message_changed", "message.message_changed"),
    ("message.channel_*", "message.channel_join"),
    ("channel_*", "channel_rename"),
    ("*_added", "reaction_added"),
    ("mess*", "message.bot_message"),
    ("*", "reaction_added"),
    ("*", "message.bot_message"),
    ("*", "a_type_from_tomorrow"),
    ("**", "reaction_added"),
    ("**", "user_typing"),
    ("**", "channel_marked"),
    ("user_typing", "user_typing"),
    ("relay.connection_up", "relay.connection_up"),
    ("relay.*", "relay.webhook_failing"),
    ("relay.connection_*", "relay.connection_down"),
    ("slash_commands", "slash_commands"),
    ("interactive", "interactive.block_actions"),
    ("interactive.block_actions", "interactive.block_actions"),
    ("interactive.block_*", "interactive.block_suggestion"),
]

MEANS_NOT = [
    ("message.message_changed", "message"),
    ("message.message_changed", "message.message_deleted"),
    ("channel_*", "message.channel_join"),
    ("channel_*", "channel_marked"),
    ("user_*", "user_typing"),
    ("*", "user_typing"),
    ("*", "presence_change"),
    ("*", "relay.connection_up"),
    ("**", "relay.connection_up"),
    ("rel*", "relay.connection_up"),
    ("*.*", "relay.connection_up"),
    ("*", "slash_commands"),
    ("**", "slash_commands"),
    ("slash_*", "slash_commands"),
    ("**", "interactive.block_actions"),
    ("*.block_actions", "interactive.block_actions"),
    ("message", "message_metadata_posted"),
    ("**", "hello"),
    ("hello", "hello"),
]


@pytest.mark.parametrize(("selector", "kind"), MEANS)
def test_a_selector_means_this_kind(selector: str, kind: str) -> None:
    assert selects(selector, kind)


@pytest.mark.parametrize(("selector", "kind"), MEANS_NOT)
def test_a_selector_does_not_mean_that_kind(selector: str, kind: str) -> None:
    assert not selects(selector, kind)


@pytest.mark.parametrize(("selector", "kind"), MEANS)
def test_plain_selectors_and_globs_together_are_all_that_mean_a_kind(selector: str, kind: str) -> None:
    assert is_glob(selector) or selector in plain_selectors(kind)


@pytest.mark.parametrize("selector", sorted({selector for selector, _ in MEANS} | {"app_mention", "*_*", "message.*"}))
def test_a_useful_selector_is_accepted(selector: str) -> None:
    check_selector(selector)


@pytest.mark.parametrize(
    "selector",
    ["", "Message", "message.", ".message", "a.b.c", "***", "mess**", "a b", "nachricht-neu", "ä", "a" * 129],
)
def test_what_is_no_selector_is_refused(selector: str) -> None:
    with pytest.raises(InvalidSelector, match="a selector is an event's type"):
        check_selector(selector)


@pytest.mark.parametrize("kind", sorted(CONTROL))
def test_control_frames_cannot_be_selected(kind: str) -> None:
    with pytest.raises(InvalidSelector, match="keeps a session alive"):
        check_selector(kind)


def test_a_subscriptions_name_is_refused_with_the_filter_that_does_it() -> None:
    with pytest.raises(InvalidSelector, match='"channel_type": \\["im"\\]'):
        check_selector("message.im")


def test_nothing_is_both_a_control_frame_and_an_event() -> None:
    assert not CONTROL & RTM_ONLY
