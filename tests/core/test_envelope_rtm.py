"""From RTM events to the Events API's envelopes."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from relay.core import json_text
from relay.core.ids import ConnectionId
from relay.core.rtm_envelopes import RtmEnvelopes
from relay.core.rtm_event import Identity, channel_of, fingerprint, kind_of, stamp_of
from relay.core.webhook import Json

IDENTITY = Identity(team="T1", bot_user="UBOT", app="A1")
MESSAGE: dict[str, Json] = {
    "type": "message",
    "channel": "C1",
    "user": "U1",
    "text": "hi",
    "ts": "1355517523.000005",
    "suppress_notification": False,
    "source_team": "T1",
    "blocks": [{"type": "rich_text", "elements": []}],
}


def made(event: dict[str, Json], identity: Identity = IDENTITY) -> list[dict[str, Json]]:
    return [json.loads(envelope.body) for envelope in RtmEnvelopes(ConnectionId("con_1"), identity).make(event, 7.5)]


def test_the_envelope_is_the_events_api_s() -> None:
    [envelope] = made(MESSAGE)
    assert envelope == {
        "team_id": "T1",
        "api_app_id": "A1",
        "event": {**MESSAGE, "event_ts": "1355517523.000005"},
        "type": "event_callback",
        "event_id": envelope["event_id"],
        "event_time": 1355517523,
        "authorizations": [{"team_id": "T1", "user_id": "UBOT", "is_bot": True, "is_enterprise_install": False}],
    }
    assert str(envelope["event_id"]).startswith("Ev")
    assert len(str(envelope["event_id"])) == 22


def test_what_is_not_known_is_left_out_never_null_never_empty() -> None:
    [envelope] = made(MESSAGE, Identity())
    assert set(envelope) == {"event", "type", "event_id", "event_time"}
    [envelope] = made(MESSAGE, Identity(team="T1"))
    assert set(envelope) == {"team_id", "event", "type", "event_id", "event_time"}


def test_an_organisation_is_named_where_slack_names_it() -> None:
    [envelope] = made(MESSAGE, Identity(team="T1", enterprise="E1", bot_user="UBOT"))
    assert envelope["enterprise_id"] == "E1"
    assert '"authorizations": [{"enterprise_id": "E1"' in json.dumps(envelope)


def test_keys_that_the_event_has_are_left_as_they_are() -> None:
    joined: dict[str, Json] = {"type": "member_joined_channel", "channel": "C1", "channel_type": "C", "event_ts": "5.1"}
    assert made(joined)[0]["event"] == joined
    odd: dict[str, Json] = {"type": "x", "event_ts": "9.9", "null": None, "empty": [], "big": 2**70, "small": 1e-7}
    assert made(odd)[0]["event"] == odd


def test_channel_type_is_told_of_messages_where_it_is_known() -> None:
    def told(event: dict[str, Json], channel_type: str) -> Json:
        [envelope] = RtmEnvelopes(ConnectionId("con_1"), IDENTITY).make(event, 7.5, channel_type=channel_type)
        return json.loads(envelope.body)["event"].get("channel_type")  # type: ignore[no-any-return]

    assert told(MESSAGE, "group") == "group"
    assert told(MESSAGE, "") is None
    assert told({**MESSAGE, "channel_type": "mpim"}, "group") == "mpim"
    assert told({"type": "reaction_added", "event_ts": "1.1"}, "group") is None


def test_two_copies_are_one_event_whatever_the_order_of_their_keys() -> None:
    other = dict(reversed(MESSAGE.items()))
    assert list(other) != list(MESSAGE)
    assert made(other)[0]["event_id"] == made(MESSAGE)[0]["event_id"]


def test_another_event_or_another_workspace_has_another_id() -> None:
    ids = {
        made(MESSAGE)[0]["event_id"],
        made({**MESSAGE, "ts": "1355517523.000006"})[0]["event_id"],
        made({**MESSAGE, "text": "hi!"})[0]["event_id"],
        made(MESSAGE, Identity(team="T2"))[0]["event_id"],
    }
    assert len(ids) == 4


def test_what_we_add_does_not_change_the_id() -> None:
    assert made({**MESSAGE, "channel": "D1"})[0]["event_id"] == "Ev" + fingerprint("T1", {**MESSAGE, "channel": "D1"})


MENTION = {**MESSAGE, "text": "so <@UBOT> what"}


def test_a_mention_is_told_twice_as_the_events_api_does() -> None:
    message, mention = made({**MENTION, "channel_type": "channel"})
    assert message["event_id"] != mention["event_id"]
    event = mention["event"]
    assert isinstance(event, dict)
    assert (event["type"], event["text"], event["ts"]) == ("app_mention", MENTION["text"], MENTION["ts"])
    assert event["event_ts"] == MENTION["ts"]
    assert "channel_type" not in event
    [_, envelope] = RtmEnvelopes(ConnectionId("con_1"), IDENTITY).make(MENTION, 7.5)
    assert (envelope.kind, envelope.channel) == ("app_mention", "C1")


@pytest.mark.parametrize(
    ("change", "mentions"),
    [
        ({"text": "<@UBOT|relay> hi"}, True),
        ({"subtype": "file_share"}, True),
        ({"subtype": "thread_broadcast"}, True),
        ({"text": "<@UBOTTLE> hi"}, False),
        ({"text": "UBOT"}, False),
        ({"channel": "D1"}, False),
        ({"subtype": "bot_message"}, False),
        ({"subtype": "message_changed", "hidden": True}, False),
        ({"text": None}, False),
        ({"channel": None}, False),
        ({"type": "reaction_added"}, False),
    ],
)
def test_what_counts_as_a_mention(change: dict[str, Json], mentions: bool) -> None:
    event = {**MENTION, "event_ts": "1355517523.000005", **change}
    assert len(made(event)) == (2 if mentions else 1)


@pytest.mark.parametrize(
    ("event", "channel"),
    [
        ({"channel": "C1"}, "C1"),
        ({"channel": {"id": "C1", "name": "x"}}, "C1"),
        ({"channel_id": "C1"}, "C1"),
        ({"item": {"channel": "C1", "ts": "1.1"}}, "C1"),
        ({"item": "C1"}, ""),
        ({"channel": None, "item": None}, ""),
        ({"channel": 7}, ""),
        ({}, ""),
    ],
)
def test_the_channel_is_found_where_events_keep_it(event: dict[str, Json], channel: str) -> None:
    assert channel_of({"type": "x", **event}) == channel


def test_a_subtype_is_part_of_the_kind() -> None:
    assert kind_of({"type": "message", "subtype": "message_changed"}) == "message.message_changed"
    assert kind_of({"type": "message", "subtype": None}) == "message"
    assert kind_of({"type": "reaction_added"}) == "reaction_added"


@pytest.mark.parametrize(
    ("event", "stamp"),
    [
        ({"type": "reaction_added", "event_ts": "1.2"}, "1.2"),
        ({"type": "message", "ts": "1.1"}, "1.1"),
        ({"type": "message", "ts": "1.1", "event_ts": "1.2"}, "1.2"),
        ({"type": "channel_marked", "ts": "1.1"}, None),  # may be marked there again
        ({"type": "user_typing"}, None),
        ({"type": "x", "event_ts": None}, None),
        ({"type": "x", "event_ts": ""}, None),
        ({"type": "x", "event_ts": True}, None),
        ({"type": "x", "event_ts": 12.5}, "12.5"),
    ],
)
def test_slack_s_own_time_tells_an_event_from_its_repetitions(event: dict[str, Json], stamp: str | None) -> None:
    assert stamp_of(event) == stamp


@pytest.mark.parametrize(
    ("event_ts", "event_time"), [("1355517523.000005", 1355517523), ("abc", 7), ("99999999999.0", 7), ("-5.1", 7)]
)
def test_event_time_is_whole_seconds_of_a_plausible_size(event_ts: str, event_time: int) -> None:
    assert made({"type": "x", "event_ts": event_ts})[0]["event_time"] == event_time


TEXT = st.text(st.characters(codec="utf-16"), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
)


@given(st.dictionaries(TEXT, JSON, max_size=6))
def test_any_event_arrives_as_it_was_in_ascii(event: dict[str, Json]) -> None:
    frame: dict[str, Json] = {**event, "type": "x", "event_ts": "1355517523.000005"}
    [envelope] = RtmEnvelopes(ConnectionId("con_1"), IDENTITY).make(frame, 7.5)
    assert envelope.body.isascii()
    assert json.loads(envelope.body)["event"] == frame


def test_an_event_without_a_time_has_no_envelope() -> None:
    assert made({"type": "user_typing", "channel": "C1"}) == []


WRITERS = [
    json.JSONEncoder(ensure_ascii=ascii, indent=indent).encode for ascii in (True, False) for indent in (None, 1)
]
SPELLINGS = st.sampled_from(WRITERS)


@given(st.dictionaries(TEXT, JSON, max_size=6), st.sampled_from(["", "im"]), st.booleans(), SPELLINGS)
def test_the_frame_s_own_text_makes_the_same_envelope(
    event: dict[str, Json], channel_type: str, has_event_ts: bool, spell: Callable[[object], str]
) -> None:
    """Whatever its spelling."""
    frame: dict[str, Json] = {**event, "type": "message", "ts": "1355517523.000005"}
    frame |= {"event_ts": "1355517523.000006"} if has_event_ts else {}
    text = spell(frame).encode()
    maker = RtmEnvelopes(ConnectionId("con_1"), IDENTITY)
    [spliced] = maker.make(frame, 7.5, channel_type=channel_type, text=text)
    [written] = maker.make(frame, 7.5, channel_type=channel_type)
    assert spliced.body.isascii()
    assert json.loads(spliced.body) == json.loads(written.body)
    assert replace(spliced, body=b"") == replace(written, body=b"")


@pytest.mark.parametrize(
    "text",
    [
        b'{"type":"x","event_ts":"1.1"}\0',
        b' {"type":"x","event_ts":"1.1"}\n',
        b'{"type":"x","event_ts":"1.1","half":"\xed\xa0\x80"}',
        b'{"type":"x","event_ts":"1.1","half":"\\ud800"}',
        b'{"type":"x",\n"event_ts":"1.1","a":"\\\\x41\\\\U0001f68b \xc3\xbc"}',
        b'{"type":"x","event_ts":"1.1","a":"\x7f\xc3\xbc\xf0\x9f\x9a\x8b"}',
        '{"type":"x","event_ts":"1.1"}'.encode("utf-16-le"),
        '{"type":"x","event_ts":"1.1"}'.encode("utf-16-be"),
        '{"type":"x","event_ts":"1.1"}'.encode("utf-32"),
        b'{"event_ts":"1.1","type":"y","type":"x","n":1.0e2}',
    ],
)
def test_odd_texts_that_can_be_read_become_sound_bodies(text: bytes) -> None:
    try:
        event = json_text.read(text)
    except json_text.NotJson:
        return
    assert isinstance(event, dict)
    [envelope] = RtmEnvelopes(ConnectionId("con_1"), IDENTITY).make(event, 7.5, text=text)
    assert envelope.body.isascii()
    assert json.loads(envelope.body)["event"] == event


@given(JSON, SPELLINGS)
def test_a_text_in_ascii_says_the_same(value: Json, spell: Callable[[object], str]) -> None:
    text = json_text.in_ascii(spell(value).encode())
    assert text.isascii()
    assert json.loads(text) == value


def test_an_id_does_not_change_from_one_release_to_the_next() -> None:
    event: dict[str, Json] = {
        "type": "message",
        "ts": "1.2",
        "text": "Grüße 🚋",
        "n": [1, 2.5, None, True],
        "a": {"z": 1, "b": 2},
    }
    assert fingerprint("T1", event) == "7FFCEA93FBE86A334CBD"


@given(JSON)
def test_json_is_read_as_it_was_written(value: Json) -> None:
    assert json_text.read(json_text.write(value)) == value
    assert json_text.read(json.dumps(value).encode()) == value
    assert json_text.canonical(value) == json_text.canonical(json_text.read(json_text.canonical(value)))


def test_halves_of_characters_pass() -> None:
    assert json_text.read(b'"\\ud800"') == "\ud800"
    assert json_text.write("\ud800") == b'"\\ud800"'


@given(st.binary(max_size=40))
def test_reading_raises_nothing_but_not_json(text: bytes) -> None:
    try:
        value = json_text.read(text)
    except json_text.NotJson:
        return
    json_text.write(value)
