"""RTM's messages get the channel_type that the Events API has, as far as Slack tells what kind a conversation is."""

import json
from collections.abc import Mapping

from tests.edges.scripted_slack import Answer, ScriptedSlack
from tests.edges.slack_side import SlackSide
from tests.waiting import until


def message(channel: str, number: int) -> dict[str, object]:
    return {"type": "message", "channel": channel, "user": "U1", "text": "hi", "ts": f"1355517523.{number:06}"}


def kinds(worker: SlackSide) -> Mapping[object, object]:
    """The last that was said of each channel."""
    bodies = [json.loads(envelope.body)["event"] for envelope in worker.envelopes() if envelope.connection]
    return {event["channel"]: event.get("channel_type") for event in bodies if event["type"] == "message"}


def page(*channels: dict[str, object], cursor: str = "") -> Answer:
    return Answer(body={"ok": True, "channels": channels, "response_metadata": {"next_cursor": cursor}})


def test_what_the_bot_is_in_is_known_before_the_first_message(redis_url: str) -> None:
    first = page(
        {"id": "C1", "is_channel": True, "is_private": False},
        {"id": "C2", "is_channel": True, "is_private": True},
        cursor="more",
    )
    second = page({"id": "G1", "is_mpim": True, "is_private": True, "is_group": False}, {"id": "G2", "is_group": True})
    with ScriptedSlack() as slack:
        slack.answers["users.conversations"] = [first, second]
        with SlackSide(redis_url, slack.api_url) as worker:
            worker.becomes("connected")
            for number, channel in enumerate(("C1", "C2", "G1", "G2", "D1"), 1):
                slack.sockets[0].say(message(channel, number))
            worker.hears(5)
            assert kinds(worker) == {"C1": "channel", "C2": "group", "G1": "mpim", "G2": "group", "D1": "im"}
            assert slack.calls["conversations.info"] == 0


def test_what_is_met_later_is_asked_for_once_and_then_told(redis_url: str) -> None:
    room = Answer(body={"ok": True, "channel": {"id": "C9", "is_channel": True, "is_private": True}})
    with ScriptedSlack() as slack:
        slack.answers["conversations.info"] = [room]
        with SlackSide(redis_url, slack.api_url) as worker:
            worker.becomes("connected")
            slack.sockets[0].say(message("C9", 1))
            until(lambda: slack.calls["conversations.info"] == 1)
            worker.hears(1)

            def told() -> bool:
                slack.sockets[0].say(message("C9", len(worker.envelopes()) + 1))
                return kinds(worker).get("C9") == "group"

            until(told)
            assert slack.calls["conversations.info"] == 1


def test_an_event_that_brings_a_conversation_is_believed(redis_url: str) -> None:
    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        joined = {"type": "channel_joined", "channel": {"id": "C7", "is_channel": True, "name": "seven"}}
        slack.sockets[0].say(joined)
        slack.sockets[0].say(message("C7", 1))
        worker.hears(2)
        assert kinds(worker) == {"C7": "channel"}
        assert slack.calls["conversations.info"] == 0


def test_a_conversation_that_was_converted_is_asked_for_anew(redis_url: str) -> None:
    with ScriptedSlack() as slack:
        slack.answers["users.conversations"] = [page({"id": "C1", "is_channel": True})]
        slack.answers["conversations.info"] = [Answer(body={"ok": True, "channel": {"id": "C1", "is_private": True}})]
        with SlackSide(redis_url, slack.api_url) as worker:
            worker.becomes("connected")
            slack.sockets[0].say(message("C1", 1))
            worker.hears(1)
            assert kinds(worker) == {"C1": "channel"}
            slack.sockets[0].say({**message("C1", 2), "subtype": "channel_convert_to_private"})

            def told() -> bool:
                slack.sockets[0].say(message("C1", len(worker.envelopes()) + 2))
                return kinds(worker).get("C1") == "group"

            until(told)
            assert slack.calls["conversations.info"] == 1


def test_what_slack_does_not_tell_is_not_said(redis_url: str) -> None:
    with ScriptedSlack() as slack:
        slack.answers["users.conversations"] = [Answer(body={"ok": False, "error": "missing_scope"})]
        with SlackSide(redis_url, slack.api_url) as worker:
            worker.becomes("connected")
            for number in range(1, 4):
                slack.sockets[0].say(message("C1", number))
            worker.hears(3)
            assert kinds(worker) == {"C1": None}
            until(lambda: slack.calls["conversations.info"] == 1)
