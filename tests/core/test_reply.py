"""Which answers are said in Slack, where, and that the relay never answers itself."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from relay.core.envelope import Envelope, Media
from relay.core.ids import ConnectionId, EventId
from relay.core.outcome import Answered
from relay.core.reply import Reply, read_reply, reply_to, write_reply
from relay.core.webhook import Json

BOT, APP = "UBOT", "A1"
AUTHORIZATIONS: Json = [{"team_id": "T1", "user_id": BOT, "is_bot": True}]


def envelope(event: Mapping[str, Json]) -> Envelope:
    body: dict[str, Json] = {
        "type": "event_callback",
        "api_app_id": APP,
        "authorizations": AUTHORIZATIONS,
        "event": dict(event),
    }
    return Envelope(
        event_id=EventId("Ev1"),
        connection=ConnectionId("con_1"),
        kind="message",
        channel="C1",
        received_at=1.0,
        body=json.dumps(body).encode(),
    )


def message(**fields: Json) -> dict[str, Json]:
    return {"type": "message", "channel": "C1", "user": "U1", "text": "hi", "ts": "1.0"} | fields


def answer(body: bytes = b'{"text":"hello"}', status: int = 200) -> Answered:
    return Answered(status=status, excerpt=body)


def reply(**changes: Json) -> Reply | None:
    return reply_to(envelope(message(**changes)), answer(), now=5.0)


def test_an_answer_with_text_is_said_where_the_event_came_from() -> None:
    assert reply() == Reply(
        connection=ConnectionId("con_1"), channel="C1", thread_ts=None, text="hello", at=5.0, authors=("U1",)
    )


def test_a_reply_knows_whose_doing_the_event_is() -> None:
    edited = reply(
        subtype="message_changed", user=None, message=message(user="U2"), previous_message=message(user="U3")
    )
    assert edited is not None
    assert edited.authors == ("U2", "U3")


def test_an_event_in_a_thread_is_answered_in_its_thread() -> None:
    (said, edited) = reply(thread_ts="0.5"), reply(subtype="message_changed", message=message(thread_ts="0.6"))
    assert said is not None
    assert edited is not None
    assert (said.thread_ts, edited.thread_ts) == ("0.5", "0.6")


def test_blocks_alone_are_a_reply() -> None:
    said = reply_to(envelope(message()), answer(b'{"blocks":[{"type":"divider"}]}'), now=1.0)
    assert said is not None
    assert (said.text, said.blocks) == ("", [{"type": "divider"}])


@pytest.mark.parametrize(
    "body",
    [b"", b"ok", b"{", b"[]", b'"text"', b"{}", b'{"text":""}', b'{"text":"  "}', b'{"text":5}', b'{"blocks":[]}',
     b'{"blocks":{"a":1}}', b'{"ok":true}', b"\xff\xfe", b"[" * 4096],
)  # fmt: skip
def test_an_answer_without_text_or_blocks_says_nothing(body: bytes) -> None:
    assert reply_to(envelope(message()), answer(body), now=1.0) is None


@pytest.mark.parametrize("status", [199, 300, 404, 410, 500])
def test_only_a_2xx_is_said(status: int) -> None:
    assert reply_to(envelope(message()), answer(status=status), now=1.0) is None


@pytest.mark.parametrize(
    "changes",
    [{"channel": ""}, {"connection": None}, {"media": Media.FORM}],
    ids=["no channel", "the relay's own", "form"],
)
def test_an_event_that_comes_from_no_channel_is_not_answered(changes: dict[str, str]) -> None:
    assert reply_to(replace(envelope(message()), **changes), answer(), now=1.0) is None


@pytest.mark.parametrize(
    ("fields", "own"),
    [
        ({}, False),
        ({"user": BOT}, True),
        ({"user": BOT, "bot_id": "B1"}, True),
        ({"user": "U2", "bot_id": "B2"}, False),
        ({"user": None, "bot_id": "B2", "app_id": "A2"}, False),
        ({"user": None, "bot_id": "B1", "app_id": APP}, True),
        ({"user": "U9", "bot_id": "B1", "bot_profile": {"app_id": APP}}, True),
        ({"user": None, "bot_id": "B1"}, True),
        ({"user": None, "subtype": "bot_message"}, True),
        ({"subtype": "message_changed", "user": None, "message": {"user": BOT, "bot_id": "B1"}}, True),
        ({"subtype": "message_changed", "user": None, "message": {"user": "U1"}}, False),
        ({"subtype": "message_deleted", "user": None, "previous_message": {"bot_id": "B1"}}, True),
        ({"type": "reaction_added", "user": BOT}, True),
        ({"type": "member_joined_channel", "user": BOT}, True),
    ],
)  # fmt: skip
def test_its_own_messages_are_never_answered_nor_those_that_may_be(fields: dict[str, Json], *, own: bool) -> None:
    given: dict[str, Json] = {name: value for name, value in message(**fields).items() if value is not None}
    assert (reply_to(envelope(given), answer(), now=1.0) is None) == own


def test_a_bot_s_message_is_not_answered_where_we_do_not_know_who_we_are() -> None:
    body: dict[str, Json] = {"type": "event_callback", "event": message(bot_id="B2", user="U2")}
    unknown = replace(envelope(message()), body=json.dumps(body).encode())
    assert reply_to(unknown, answer(), now=1.0) is None


def test_the_echo_of_a_reply_is_not_answered() -> None:
    """What chat.postMessage makes of a reply comes back as this event, with a bot token and with a user's."""
    said = reply()
    assert said is not None
    for echo in (
        message(user=BOT, bot_id="B1", app_id=APP, text=said.text),
        {"type": "message", "subtype": "bot_message", "bot_id": "B1", "channel": "C1", "text": said.text, "ts": "2.0"},
    ):
        assert reply_to(envelope(echo), answer(), now=1.0) is None


@given(
    text=st.text(),
    thread_ts=st.none() | st.text(),
    blocks=st.none() | st.lists(st.dictionaries(st.text(), st.text())),
    at=st.floats(0, 4e9),
    authors=st.lists(st.text()),
)
def test_a_reply_is_kept_as_it_is(
    text: str, thread_ts: str | None, blocks: list[Json] | None, at: float, authors: list[str]
) -> None:
    said = Reply(
        connection=ConnectionId("con_1"),
        channel="C1",
        thread_ts=thread_ts,
        text=text,
        blocks=blocks,
        at=at,
        authors=tuple(authors),
    )
    assert read_reply(write_reply(said)) == said


def test_a_webhook_with_connections_of_its_own_speaks_by_these_and_answers_no_bot() -> None:
    """Where the event first came by another: whose bot may speak is the webhook's affair, who it is we do not know."""
    own = (ConnectionId("con_2"), ConnectionId("con_3"))
    said = reply_to(envelope(message()), answer(), now=1.0, connections=own)
    assert said is not None
    assert said.connection == "con_2"
    assert reply_to(envelope(message(user="U2", bot_id="B2")), answer(), now=1.0, connections=own) is None
    heard = reply_to(envelope(message()), answer(), now=1.0, connections=(*own, ConnectionId("con_1")))
    assert heard is not None
    assert heard.connection == "con_1"
