"""The simulated people: the same seed, the same story; and every event in Slack's shape."""

from collections import Counter
from collections.abc import Callable

import pytest

from relay.simulator.options import SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from relay.simulator.stamps import Stamps
from relay.simulator.traffic import Traffic
from relay.simulator.workspace import Event, Workspace, found
from tests.waiting import until

NOW = 1_700_000_000.0
MESSAGE_KEYS = {
    "client_msg_id", "suppress_notification", "type", "text", "user", "team", "user_team", "source_team", "blocks",
    "channel", "event_ts", "ts",
}  # fmt: skip


def story(seed: int, count: int = 3000) -> tuple[Workspace, list[Event]]:
    workspace = found(seed, people=12, channels=6)
    traffic = Traffic(workspace, seed=seed, stamps=Stamps())
    return workspace, [traffic.next(NOW + number / 10) for number in range(count)]


def test_the_same_seed_tells_the_same_story() -> None:
    assert story(7) == story(7)
    assert story(7) != story(8)


def test_everything_happens_that_happens_in_a_workspace() -> None:
    workspace, events = story(1)
    kinds = {".".join(str(event[key]) for key in ("type", "subtype") if key in event) for event in events}
    assert kinds == {
        "message",
        "message.message_changed",
        "message.message_deleted",
        "message.message_replied",
        "message.channel_join",
        "message.file_share",
        "reaction_added",
        "reaction_removed",
        "pin_added",
        "pin_removed",
        "member_joined_channel",
        "member_left_channel",
        "user_typing",
        "presence_change",
    }
    plain = [event for event in events if event["type"] == "message" and "subtype" not in event]
    assert any("thread_ts" in event for event in plain)
    assert any(f"<@{workspace.bot_user}>" in str(event["text"]) for event in plain)
    assert {event["channel"] for event in plain} == {channel.id for channel in workspace.channels}


def test_plain_messages_are_the_largest_share() -> None:
    _, events = story(1)
    (most, count), *_ = Counter(f"{event['type']}.{event.get('subtype', '')}" for event in events).most_common()
    assert most == "message."
    assert 0.35 < count / len(events) < 0.65


def test_messages_have_the_keys_of_rtm() -> None:
    _, events = story(1)
    for event in events:
        if event["type"] == "message" and "subtype" not in event:
            assert set(event) - {"thread_ts"} == MESSAGE_KEYS
            assert event["ts"] == event["event_ts"]
            assert "channel_type" not in event


def test_time_stamps_rise_and_never_repeat() -> None:
    _, events = story(1)
    stamps = [str(event["event_ts"]) for event in events if "event_ts" in event]
    assert stamps == sorted(stamps)
    assert len(stamps) == len(set(stamps))


def test_stamps_rise_even_if_the_clock_does_not() -> None:
    stamps = Stamps()
    assert [stamps.next(now) for now in (5.0, 5.0, 1.0, 6.5)] == ["5.000000", "5.000001", "5.000002", "6.500000"]


Rule = Callable[[Event], bool]


@pytest.mark.parametrize(
    ("kind", "holds"),
    [
        ("message_changed", lambda event: event["hidden"] and "edited" in event["message"]),
        ("message_deleted", lambda event: event["hidden"] and event["deleted_ts"] == event["previous_message"]["ts"]),
        ("message_replied", lambda event: event["hidden"] and event["message"]["reply_count"] == 1),
        ("file_share", lambda event: event["files"][0]["id"].startswith("F")),
        ("reaction_added", lambda event: set(event["item"]) == {"type", "channel", "ts"}),
        ("pin_added", lambda event: event["item"]["channel"] == event["channel_id"]),
        ("member_joined_channel", lambda event: event["channel_type"] == event["channel"][0]),
        ("user_typing", lambda event: "event_ts" not in event),
        ("presence_change", lambda event: "event_ts" not in event and event["presence"] in ("active", "away")),
    ],
)
def test_each_kind_has_its_shape(kind: str, holds: Rule) -> None:
    _, events = story(2)
    found_events = [event for event in events if kind in (event["type"], event.get("subtype"))]
    assert found_events
    assert all(holds(event) for event in found_events)


def test_the_rate_is_kept() -> None:
    with SimulatedSlack(SimulatorOptions(rate=400)) as slack:
        until(lambda: slack.emitted_count >= 100, within_s=2)


def test_what_was_emitted_is_remembered_within_bounds() -> None:
    slack = SimulatedSlack(SimulatorOptions(remembered=10))
    told = [slack.happen() for _ in range(25)]
    assert list(slack.emitted) == told[-10:]
    assert slack.emitted_count == 25
