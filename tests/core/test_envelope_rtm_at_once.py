"""Many events of RTM at once become the envelopes that each would become for itself."""

import json
from collections.abc import Callable
from hashlib import sha256

import pytest
from hypothesis import given, strategies as st

from relay.core import json_text
from relay.core.envelope import Envelope
from relay.core.ids import ConnectionId
from relay.core.rtm_envelopes import Row, RtmEnvelopes
from relay.core.rtm_event import Event, Identity, fingerprint, stamp_of
from relay.core.webhook import Json
from tests.core.steps import calls_of

IDENTITY = Identity(team="T1", bot_user="UBOT", app="A1")
NOW = 7.5
ROOMS = {"C1": "channel", "D1": "im", "C2": ""}
RECORDED: list[tuple[bytes, list[tuple[str, str, str, str]]]] = [
    (
        b'{"type":"message","text":"hi","channel":"C1","event_ts":"1355517523.000005","ts":"1355517523.000005"}',
        [
            ("EvD142E101835F3070C1D5", "message", "C1", "76576e69e4711aee64568ad01efc84e6"),
        ],
    ),
    (
        '{"type":"message","text":"Grüße 🚋 \\\\ \\/","channel":"C1","event_ts":"0000000007.5"}'.encode(),
        [
            ("Ev06A670B1EED6047DFD62", "message", "C1", "b20f16ba70ff162a17dbe7733391e9b5"),
        ],
    ),
    (
        b'{"type":"message","text":"\\ud83d","channel":"C1","event_ts":"1355517523.000006"}\x00',
        [
            ("Ev4D94A5FA63E55689F6D7", "message", "C1", "97f28889d4a9c875ca2c39ddc36dce2b"),
        ],
    ),
    (
        b' {"type": "message", "text": "", "channel": "C2", "event_ts": "1.7", "n": 1e2, "m": 18446744073709551616}\n',
        [
            ("EvCE140148AB8F46DC6C1D", "message", "C2", "5e3cf129b69bccfc5e1f540f412b031e"),
        ],
    ),
    (
        b'{"type":"message","text":"so <@UBOT>","channel":"C1","event_ts":"1355517524.01","channel_type":"channel"}',
        [
            ("EvFF7993E2EE3072D9D82E", "message", "C1", "7b1d596e01b99bdacb3925750aaa4cad"),
            ("Ev5CB084337BAA9D1572E5", "app_mention", "C1", "af08f9d5ca85fad2541c3969936f73c1"),
        ],
    ),
    (
        b'{"type":"message","subtype":"bot_message","text":"","channel":"C1","ts":"1355517524.000002","n":1,"n":2}',
        [
            ("Ev053D8F3090ADA1902C7F", "message.bot_message", "C1", "6494a27e1a8edb0c0d0dd33ab20cbac2"),
        ],
    ),
    (
        b'{"type":"message","subtype":"bot_message","text":"","channel":"C1","event_ts":"1355517524.000002"}',
        [
            ("EvEC13E329869AA294EF1A", "message.bot_message", "C1", "ee2c760bca5a9e2bd085941f5ffa70a3"),
        ],
    ),
    (
        b'{"type":"reaction_added","item":{"channel":"C1","ts":"1.1"},"event_ts":"12345678901.0"}',
        [
            ("Ev21F768E84906777BC05E", "reaction_added", "C1", "cc6fb2a48c92fc8dac972cb3d1202cd6"),
        ],
    ),
]
"""Texts, and the id, the kind, the channel and the body's SHA-256 of each envelope, as one by one was all there was."""


def room_of(event: Event) -> str:
    channel = event.get("channel")
    return ROOMS.get(channel, "") if isinstance(channel, str) else ""


def maker(identity: Identity = IDENTITY) -> RtmEnvelopes:
    return RtmEnvelopes(ConnectionId("con_1"), identity)


def rows(texts: list[bytes]) -> list[Row]:
    """Those of events."""
    frames = [(frame, text) for frame, text in zip(json_text.read_all(texts), texts, strict=True)]
    events = [(frame, text) for frame, text in frames if isinstance(frame, dict) and isinstance(frame.get("type"), str)]
    ids = maker().ids([event for event, _ in events])
    return [(event, text, id) for (event, text), id in zip(events, ids, strict=True)]


def at_once(given: list[Row], identity: Identity = IDENTITY) -> list[Envelope]:
    make, made, rest = maker(identity), list[Envelope](), iter(given)
    while (odd := make.make_plain(rest, NOW, rooms=ROOMS, into=made)) is not None:
        event, text, id = odd
        made += make.make(event, NOW, channel_type=room_of(event), text=text, event_id=id)
    return made


def one_by_one(given: list[Row], identity: Identity = IDENTITY) -> list[Envelope]:
    return [
        envelope
        for event, text, _ in given
        for envelope in maker(identity).make(event, NOW, channel_type=room_of(event), text=text)
    ]


WORDS = st.sampled_from(["hi", "<@UBOT> do", "<@UBOT|x>", "<@UBOTTLE>", "Grüße 🚋 \\ \\x41", "", "\ud800", '"', "日本"])
STAMPS = st.sampled_from(
    [
        "1355517523.000005",
        "1355517523.000006",
        "0000000007.5",
        "12",
        "1234567890",
        "12345678901.1",
        "1234567890x",
        "-5.1",
        "",
        "abc",
        '9."',
        "١٢٣.4",
        "1355517523.ü",
        "1355517523\ud800",
        ".",
        "²",
    ]
)
ODD: st.SearchStrategy[Json] = st.sampled_from([None, True, 7, 2.5, 2**70, [], ["<@UBOT>"], {"id": "C9"}, {"a": [1]}])
TYPES = st.sampled_from(["message", "message", "message", "reaction_added", "user_typing"])
SUBTYPES = st.sampled_from(["bot_message", "file_share", "message_changed", "channel_convert_to_private", "ü", ""])
PLAIN = st.fixed_dictionaries(
    {"type": st.just("message"), "channel": st.sampled_from(list(ROOMS)), "text": WORDS, "event_ts": STAMPS},
    optional={"ts": STAMPS, "subtype": SUBTYPES, "user": WORDS},
)
ANY = st.fixed_dictionaries(
    {"type": TYPES},
    optional={
        "channel": st.sampled_from([*ROOMS, "C7", ""]) | ODD,
        "text": WORDS | ODD,
        "event_ts": STAMPS | ODD,
        "ts": STAMPS | ODD,
        "subtype": SUBTYPES | ODD,
        "hidden": ODD,
        "channel_type": st.just("group") | ODD,
        "item": st.just({"channel": "C8"}) | ODD,
        "more": ODD,
    },
)
WRITERS: list[Callable[[object], str]] = [
    json.JSONEncoder().encode,
    json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode,
]
SPELLINGS = st.sampled_from(WRITERS)
EDGES = st.sampled_from([(b"", b""), (b"", b""), (b"", b"\0"), (b" ", b""), (b"", b"\n")])


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    before, behind = draw(EDGES)
    said = draw(SPELLINGS)(draw(PLAIN | PLAIN | ANY))
    return before + said.encode("utf-8", "surrogatepass") + behind


@given(st.lists(texts(), max_size=8), st.sampled_from([IDENTITY, Identity(), Identity(team="T2", enterprise="E1")]))
def test_at_once_is_one_by_one(given: list[bytes], identity: Identity) -> None:
    told = rows(given)
    ids = maker(identity).ids([event for event, _, _ in told])
    told = [(event, text, id) for (event, text, _), id in zip(told, ids, strict=True)]
    assert at_once(told, identity) == one_by_one(told, identity)


@given(st.lists(texts(), max_size=8))
def test_an_envelope_holds_what_the_frame_said_and_what_rtm_lacks(given: list[bytes]) -> None:
    """In order, and said without a word of the code that makes it."""
    told = [row for row in rows(given) if stamp_of(row[0]) is not None]
    made = [envelope for envelope in at_once(told) if envelope.kind != "app_mention"]
    for (event, _, id), envelope in zip(told, made, strict=True):
        body = json.loads(envelope.body)
        missing = {"event_ts": stamp_of(event)}
        if event["type"] == "message" and room_of(event):
            missing["channel_type"] = room_of(event)
        assert body["event"] == {**missing, **event}
        assert body["event_id"] == envelope.event_id == id == "Ev" + fingerprint("T1", event)
        assert envelope.body.isascii()
        subtype = event.get("subtype")
        assert envelope.kind == (
            f"{event['type']}.{subtype}" if subtype and isinstance(subtype, str) else event["type"]
        )


@pytest.mark.parametrize(("text", "recorded"), RECORDED)
def test_not_a_byte_has_changed(text: bytes, recorded: list[tuple[str, str, str, str]]) -> None:
    for way in (at_once, one_by_one):
        made = way(rows([text]))
        digests = [sha256(envelope.body).hexdigest()[:32] for envelope in made]
        told = [(each.event_id, each.kind, each.channel, digest) for each, digest in zip(made, digests, strict=True)]
        assert told == recorded


MESSAGE: dict[str, Json] = {"type": "message", "channel": "C1", "text": "hi", "ts": "1.1", "event_ts": "1355517523.1"}


@pytest.mark.parametrize(
    "change", [{}, {"text": "Grüße 🚋"}, {"text": "<@U2>"}, {"channel": "C2"}, {"subtype": "bot_message"}, {"n": 2**70}]
)
def test_what_people_and_programs_write_is_plain(change: dict[str, Json]) -> None:
    text = json.dumps({**MESSAGE, **change}, ensure_ascii=False).encode()
    told = rows([text, text])
    assert calls_of(RtmEnvelopes.make, lambda: at_once(told)) == 0
    assert calls_of(RtmEnvelopes.make_plain, lambda: at_once(told)) == 1


def test_one_that_cannot_be_written_is_told_of_all() -> None:
    deep: Json = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(RecursionError):
        maker().ids([MESSAGE, {**MESSAGE, "deep": deep}])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


@given(st.lists(VALUES.map(json.dumps).map(str.encode) | st.binary(max_size=9), max_size=6))
def test_many_texts_are_read_as_each_is(given: list[bytes]) -> None:
    def alone(text: bytes) -> Json:
        try:
            return json_text.read(text)
        except json_text.NotJson:
            return None

    values = json_text.read_all(given)
    assert values == [alone(text) for text in given]
    assert json_text.canonical_all(values) == [json_text.canonical(value) for value in values]
