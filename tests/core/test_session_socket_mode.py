"""The Socket Mode session machine, and what becomes of what it is handed."""

import json
from urllib.parse import parse_qs

import pytest
from hypothesis import given, strategies as st

from relay.core.envelope import Media
from relay.core.ids import ConnectionId
from relay.core.pulse import DEAD_AFTER_S, PING_EVERY_S
from relay.core.session import End, Greeted, Handed, Over, Ping, Renew
from relay.core.socket_event import ACK_LIMIT_BYTES, acknowledgement, handed_envelope, read_answer
from relay.core.socket_session import RENEW_EARLY_S, SocketSession
from relay.core.webhook import Json

HELLO = {"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A1"}}
CONNECTION = ConnectionId("con_1")
EVENT: dict[str, Json] = {
    "token": "t",
    "team_id": "T1",
    "api_app_id": "A1",
    "event": {"type": "message", "subtype": "me_message", "channel": "C1", "text": "ü", "ts": "1.1"},
    "type": "event_callback",
    "event_id": "Ev0PV52K25",
    "event_time": 1355517523,
    "authorizations": [{"enterprise_id": None, "team_id": "T1", "user_id": "U1", "is_bot": True}],
}


def text(frame: object) -> bytes:
    return json.dumps(frame).encode()


def opened() -> SocketSession:
    session = SocketSession(opened_at=0)
    session.receive([text(HELLO)])
    return session


def test_hello_greets_with_the_app() -> None:
    assert SocketSession(opened_at=0).receive([text(HELLO)]) == [Greeted(app="A1")]


def test_an_envelope_is_handed_over_as_it_is() -> None:
    frame: dict[str, Json] = {"envelope_id": "e1", "type": "events_api", "payload": EVENT}
    assert opened().receive([text(frame)]) == [Handed(envelope=frame, text=text(frame))]


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "a_new_one", None])
def test_a_disconnect_asks_for_a_successor_once_and_listens_on(reason: str | None) -> None:
    session = opened()
    assert session.receive([text({"type": "disconnect", "reason": reason})]) == [Renew(why=End.REFRESH)]
    assert session.receive([text({"type": "disconnect", "reason": reason})]) == []
    assert session.receive([text({"envelope_id": "e1", "type": "events_api", "payload": {}})])


@pytest.mark.parametrize(
    ("reason", "why"), [("link_disabled", End.LINK_DISABLED), ("too_many_websockets", End.TOO_MANY)]
)
def test_some_disconnects_are_the_end(reason: str, why: End) -> None:
    frames = [{"type": "disconnect", "reason": reason}, {"envelope_id": "e1", "type": "events_api", "payload": {}}]
    assert opened().receive(list(map(text, frames))) == [Over(why=why)]


def test_it_is_renewed_before_the_time_that_slack_gives_it() -> None:
    session = SocketSession(opened_at=100)
    session.receive([text({**HELLO, "debug_info": {"approximate_connection_time": 18060}})])
    session.heard(100 + 18060 - RENEW_EARLY_S)
    assert Renew(why=End.OLD_AGE) in session.tick(100 + 18060 - RENEW_EARLY_S)


def test_it_pings_by_websocket_from_the_start_and_any_frame_is_life() -> None:
    session = SocketSession(opened_at=0)
    assert session.tick(0) == (Ping(payload=b"1"),)
    session.heard(PING_EVERY_S)
    assert session.tick(PING_EVERY_S + DEAD_AFTER_S - 0.1) == (Ping(payload=b"2"),)
    assert session.tick(PING_EVERY_S + DEAD_AFTER_S) == (Over(why=End.SILENT),)


@given(st.binary(max_size=60) | st.dictionaries(st.text(max_size=12), st.text() | st.none(), max_size=4).map(text))
def test_whatever_comes_it_never_raises(frame: bytes) -> None:
    session = opened()
    session.ponged(frame)
    session.receive([frame])
    session.tick(1)


def test_events_keep_slack_s_own_envelope_in_ascii() -> None:
    envelope = handed_envelope(CONNECTION, "events_api", EVENT, received_at=7.5)
    assert json.loads(envelope.body) == EVENT
    assert envelope.body.isascii()
    assert (envelope.event_id, envelope.kind, envelope.channel) == ("Ev0PV52K25", "message.me_message", "C1")


def test_a_payload_without_an_event_is_kept_too() -> None:
    limited: dict[str, Json] = {"type": "app_rate_limited", "team_id": "T1", "minute_rate_limited": 5}
    envelope = handed_envelope(CONNECTION, "events_api", limited, received_at=7.5)
    assert (envelope.kind, json.loads(envelope.body)) == ("app_rate_limited", limited)


@pytest.mark.parametrize("event_id", [None, 7, "", "Ev 1", "x" * 100, "Ev1\n"])
def test_an_event_id_that_is_none_is_made_from_the_content(event_id: Json) -> None:
    first = handed_envelope(CONNECTION, "events_api", {**EVENT, "event_id": event_id}, received_at=1)
    again = handed_envelope(CONNECTION, "events_api", {**EVENT, "event_id": event_id}, received_at=2)
    assert first.event_id == again.event_id
    assert len(first.event_id) == 22


def test_a_slash_command_is_the_form_that_slack_posts() -> None:
    payload: dict[str, Json] = {"command": "/deploy", "text": "a b&ü", "channel_id": "C1", "trigger_id": "1.2"}
    envelope = handed_envelope(CONNECTION, "slash_commands", payload, received_at=7.5)
    assert (envelope.kind, envelope.channel, envelope.media) == ("slash_commands", "C1", Media.FORM)
    assert {name: value for name, [value] in parse_qs(envelope.body.decode()).items()} == payload


def test_an_interaction_is_the_form_that_slack_posts() -> None:
    payload: dict[str, Json] = {"type": "block_actions", "channel": {"id": "C1"}, "actions": [{"value": "ü"}]}
    envelope = handed_envelope(CONNECTION, "interactive", payload, received_at=7.5)
    assert (envelope.kind, envelope.channel, envelope.media) == ("interactive.block_actions", "C1", Media.FORM)
    [told] = parse_qs(envelope.body.decode())["payload"]
    assert json.loads(told) == payload


def test_an_answer_goes_into_the_acknowledgement_unless_slack_would_drop_it() -> None:
    assert json.loads(acknowledgement("e1")) == {"envelope_id": "e1"}
    assert json.loads(acknowledgement("e1", {"text": "hi"})) == {"envelope_id": "e1", "payload": {"text": "hi"}}
    assert json.loads(acknowledgement("e1", {"text": "x" * ACK_LIMIT_BYTES})) == {"envelope_id": "e1"}


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b"", None),
        (b"  \n", None),
        (b'{"text": "hi"}', {"text": "hi"}),
        (b"plain words", {"text": "plain words"}),
        (b"[1]", {"text": "[1]"}),
        (b"\xff", {"text": "\ufffd"}),
    ],
)
def test_what_a_webhook_answers_is_read_as_slack_reads_it(body: bytes, answer: Json) -> None:
    assert read_answer(body) == answer
