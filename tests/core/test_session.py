"""The RTM session machine: what each frame and the passing of time make it want."""

import json
from collections.abc import Iterable, Iterator
from itertools import repeat

import pytest
from hypothesis import given, strategies as st

from relay.core.pulse import DEAD_AFTER_S, PING_EVERY_S
from relay.core.rtm_session import RENEW_AFTER_S, RtmSession
from relay.core.session import (
    Answered,
    End,
    Greeted,
    Happened,
    Over,
    Phase,
    Renew,
    Say,
    Step,
)
from relay.core.webhook import Json

MESSAGE: dict[str, Json] = {"type": "message", "channel": "C1", "user": "U1", "text": "hi", "ts": "1.000001"}
CONTROL = ["hello", "pong", "goodbye", "reconnect_url", "team_migration_started", "error", "presence_sub", "ping"]


def text(frame: object) -> bytes:
    return json.dumps(frame).encode()


def happened(not_before: float, sent: bytes = b"") -> Happened:
    return Happened(events=[MESSAGE], texts=[sent or text(MESSAGE)], not_before=not_before)


def opened(at: float = 0.0) -> RtmSession:
    session = RtmSession(asked_at=at, opened_at=at)
    session.receive([text({"type": "hello"})])
    return session


def pings(steps: tuple[Step, ...]) -> list[int]:
    return [json.loads(step.text)["id"] for step in steps if isinstance(step, Say)]


def test_hello_greets_once() -> None:
    session = RtmSession(asked_at=0, opened_at=0)
    assert session.receive([text({"type": "hello", "region": "eu"})]) == [Greeted()]
    assert session.receive([text({"type": "hello"})]) == []
    assert session.phase is Phase.OPEN


def test_a_server_that_says_no_hello_greets_with_its_first_frame() -> None:
    session = RtmSession(asked_at=3, opened_at=4)
    assert session.receive([text(MESSAGE)]) == [Greeted(), happened(3)]


@pytest.mark.parametrize("frame", [MESSAGE, {"type": "never_seen_before", "x": [1]}, {"type": "user_typing"}])
def test_every_frame_of_a_type_that_is_not_control_is_an_event_untouched(frame: dict[str, object]) -> None:
    [step] = opened().receive([text(frame)])
    assert isinstance(step, Happened)
    assert step.events == [frame]
    assert step.texts == [text(frame)]


@pytest.mark.parametrize("kind", CONTROL)
def test_control_frames_are_never_events(kind: str) -> None:
    assert not [step for step in opened().receive([text({"type": kind})]) if isinstance(step, Happened)]


@pytest.mark.parametrize(
    "frame",
    [b"", b"{}", b"[]", b"null", b"7", b'"text"', b"{", b"\xff\xfe", b"\0", b'{"type":null}', b'{"type":7}', b"NaN"],
)
def test_nonsense_is_passed_over_and_the_session_goes_on(frame: bytes) -> None:
    session = opened()
    assert session.receive([frame]) == []
    assert session.receive([text(MESSAGE)])


def test_a_nul_behind_a_frame_does_no_harm() -> None:
    sent = text(MESSAGE) + b"\0"
    assert opened().receive([sent]) == [happened(0, sent)]


def test_nesting_without_end_is_nonsense() -> None:
    session = opened()
    assert session.receive([b'{"a":' * 100_000]) == []
    assert session.skipped == 1


def test_it_pings_from_the_moment_of_connecting() -> None:
    session = RtmSession(asked_at=99, opened_at=100)
    assert session.due_at <= 100
    assert pings(session.tick(100)) == [1]
    assert pings(session.tick(100 + PING_EVERY_S - 0.1)) == []
    assert pings(session.tick(100 + PING_EVERY_S)) == [2]


def test_silence_is_death_within_fifteen_seconds_even_if_nothing_was_ever_heard() -> None:
    session = RtmSession(asked_at=0, opened_at=0)
    now, over = 0.0, None
    while over is None and now < 60:
        over = next((step for step in session.tick(now) if isinstance(step, Over)), None)
        now = session.due_at if over is None else now
    assert over == Over(why=End.SILENT)
    assert now <= 15
    assert session.tick(now + 1) == ()


def test_any_frame_is_life_though_no_ping_is_answered() -> None:
    session = opened()
    for second in range(0, 120, 4):
        session.heard(second)
        assert not [step for step in session.tick(second) if isinstance(step, Over)]


def test_what_comes_behind_a_pong_was_sent_after_its_ping() -> None:
    session = opened(at=0)
    [number] = pings(session.tick(1))
    assert session.receive([text(MESSAGE)]) == [happened(0)]
    session.receive([text({"type": "pong", "reply_to": number})])
    assert session.receive([text(MESSAGE)]) == [happened(1)]
    session.receive([text({"type": "pong", "reply_to": 999})])
    assert session.receive([text(MESSAGE)]) == [happened(1)]


@pytest.mark.parametrize(("kind", "why"), [("goodbye", End.GOODBYE), ("team_migration_started", End.MIGRATION)])
def test_an_announced_end_asks_for_a_successor_once_and_listens_on(kind: str, why: End) -> None:
    session = opened()
    assert session.receive([text({"type": kind, "source": "gateway_server"})]) == [Renew(why=why)]
    assert session.receive([text({"type": "goodbye"})]) == []
    assert session.receive([text(MESSAGE)]) == [happened(0)]


def test_before_slack_ends_an_old_connection_it_is_renewed() -> None:
    session = opened()
    session.heard(RENEW_AFTER_S)
    assert Renew(why=End.OLD_AGE) in session.tick(RENEW_AFTER_S)
    assert Renew(why=End.OLD_AGE) not in session.tick(RENEW_AFTER_S + PING_EVERY_S)


def test_an_error_in_place_of_hello_is_an_expired_address() -> None:
    session = RtmSession(asked_at=0, opened_at=0)
    error = {"type": "error", "error": {"code": 1, "msg": "Socket URL has expired"}}
    assert session.receive([text(error)]) == [Over(why=End.URL_EXPIRED)]


def test_a_later_error_ends_nothing() -> None:
    assert opened().receive([text({"type": "error", "error": {"code": -1, "msg": "slow down"}})]) == []


@pytest.mark.parametrize(
    "reply",
    [
        {"ok": True, "reply_to": 77, "ts": "1.1", "text": "not ours"},
        {"type": "message", "reply_to": 1, "channel": "C1", "ts": "1.1", "text": "replayed"},
        {"ok": True, "reply_to": None},
        {"ok": True, "reply_to": "1"},
        {"ok": True, "reply_to": True},
    ],
)
def test_replies_to_what_others_sent_are_dropped(reply: dict[str, object]) -> None:
    assert opened().receive([text(reply)]) == []


def test_the_answer_to_our_own_frame_comes_back_with_its_number() -> None:
    session = opened()
    number, sent = session.say({"type": "message", "channel": "C1", "text": "hi"}, awaited=True)
    assert json.loads(sent) == {"id": number, "type": "message", "channel": "C1", "text": "hi"}
    answer: dict[str, Json] = {"ok": True, "reply_to": number, "ts": "1.1", "text": "hi"}
    assert session.receive([text(answer)]) == [Answered(number=number, answer=answer)]
    assert session.receive([text(answer)]) == []


def test_numbers_are_never_used_twice_on_one_socket() -> None:
    session = opened()
    numbers = [*pings(session.tick(0)), session.say({"type": "typing"}, awaited=False)[0]]
    numbers += pings(session.tick(PING_EVERY_S))
    assert numbers == sorted(set(numbers))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
FRAMES = st.one_of(
    st.binary(max_size=64),
    JSON.map(text),
    st.dictionaries(st.sampled_from(["type", "reply_to", "error", "id", "ok"]), JSON).map(text),
    st.sampled_from(CONTROL).map(lambda kind: text({"type": kind})),
)


EVENTS = st.sampled_from([MESSAGE, {"type": "user_typing"}, {"type": "message", "n": 1}]).map(text)
PONGS = st.integers(1, 4).map(lambda number: text({"type": "pong", "reply_to": number}))


@given(st.lists(EVENTS | EVENTS | EVENTS | FRAMES | PONGS, max_size=20))
def test_what_one_read_brings_is_what_its_frames_bring(texts: list[bytes]) -> None:
    """Each event with its own text and bound, all steps in their order, nothing behind the end."""
    together, alone = RtmSession(asked_at=0, opened_at=0), RtmSession(asked_at=0, opened_at=0)
    for second in range(0, 24, 8):
        for session in (together, alone):
            session.heard(second)
            session.tick(second)
    told: list[Step] = []
    for each in texts:
        if alone.phase is not Phase.OVER:
            told += alone.receive([each])
    at_once = together.receive(texts)
    assert [*each_of(at_once)] == [*each_of(told)]
    assert [step for step in at_once if not isinstance(step, Happened)] == [
        step for step in told if not isinstance(step, Happened)
    ]
    assert (together.phase, together.skipped, together.pulse) == (alone.phase, alone.skipped, alone.pulse)


def each_of(steps: Iterable[Step]) -> Iterator[tuple[dict[str, Json], bytes, float]]:
    for step in steps:
        if isinstance(step, Happened):
            yield from zip(step.events, step.texts, repeat(step.not_before), strict=False)


def test_events_of_one_read_are_one_step_up_to_a_pong_that_proves_more() -> None:
    session = opened()
    [number] = pings(session.tick(1))
    pong, hello, broken = text({"type": "pong", "reply_to": number}), text({"type": "hello"}), b"{"
    first, second = session.receive([text(MESSAGE), hello, broken, text(MESSAGE), pong, text(MESSAGE)])
    assert first == Happened(events=[MESSAGE, MESSAGE], texts=[text(MESSAGE)] * 2, not_before=0)
    assert second == happened(1)


def test_behind_the_end_comes_nothing() -> None:
    session = RtmSession(asked_at=0, opened_at=0)
    assert session.receive([text({"type": "error"}), text(MESSAGE)]) == [Over(why=End.URL_EXPIRED)]


@given(st.lists(FRAMES | st.floats(0, 20), max_size=30))
def test_whatever_comes_it_never_raises_and_never_reports_control_frames(happenings: list[bytes | float]) -> None:
    session = RtmSession(asked_at=0, opened_at=0)
    now = 0.0
    for happening in happenings:
        if isinstance(happening, float):
            now += happening
            steps = list(session.tick(now))
        else:
            session.heard(now)
            steps = session.receive([happening])
        for step in steps:
            if isinstance(step, Happened):
                [event] = step.events
                assert isinstance(event["type"], str)
                assert event["type"] not in CONTROL
                assert "reply_to" not in event
    assert session.due_at <= session.heard_at + DEAD_AFTER_S
