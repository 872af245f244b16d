"""rtm.connect says no, in every way: what heals is waited for, what does not is said in a plain sentence."""

import time
from dataclasses import replace

import pytest
from msgspec import structs

from relay.slack.dial import Dialer
from relay.slack.options import SlackOptions
from relay.slack.web_api import Granted, Limited, Unreachable, WebApi
from tests.edges.scripted_slack import Answer, ScriptedSlack
from tests.edges.slack_side import RTM, SlackSide
from tests.waiting import until

MESSAGE = {"type": "message", "channel": "C1", "user": "U1", "text": "hi", "ts": "1355517523.000005"}


def no(word: str, **more: object) -> Answer:
    return Answer(body={"ok": False, "error": word, **more})


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (no("invalid_auth"), "does not know this token"),
        (no("token_revoked"), "revoked"),
        (no("account_inactive"), "removed"),
        (no("not_allowed_token_type"), "Socket Mode"),
        (no("missing_scope", needed="rtm:stream", provided="chat:write"), "Socket Mode"),
        (no("deprecated_endpoint"), "RTM is gone"),
    ],
)
def test_what_waiting_does_not_heal_stops_it_in_slack_s_word(redis_url: str, answer: Answer, sentence: str) -> None:
    with ScriptedSlack(answers={"rtm.connect": [answer]}) as slack, SlackSide(redis_url, slack.api_url) as worker:
        state = worker.becomes("failed")
        assert isinstance(answer.body, dict)
        assert state.error == answer.body["error"]
        assert sentence in state.explanation
        assert "secret" not in repr(state)
        assert slack.calls["rtm.connect"] == 1


def test_a_new_token_revives_it(redis_url: str) -> None:
    with ScriptedSlack() as slack:
        slack.answers["rtm.connect"].insert(0, no("token_revoked"))
        with SlackSide(redis_url, slack.api_url) as worker:
            worker.becomes("failed")
            connection = worker.connections.get(RTM.id)
            assert connection is not None
            worker.connections.change(replace(connection, token="xoxb-new"))
            worker.becomes("connected")
            assert any(b"Bearer xoxb-new" in request for request in slack.requests)


HEALING = [
    no("fatal_error"),
    no("migration_in_progress"),
    Answer(status=500, body=b"<html>oh no</html>"),
    Answer(status=503),
    Answer(body=b""),
    Answer(body=b"OK"),
    Answer(body=b"[]"),
    Answer(body={"ok": True}),
    Answer(body={"ok": True, "url": "http://nowhere/"}),
    Answer(status=302, headers=("Location: http://127.0.0.1:1/",)),
    Answer(status=404, body=b"not found"),
]


@pytest.mark.parametrize("answer", HEALING, ids=lambda answer: f"{answer.status} {str(answer.body)[:30]}")
def test_what_heals_is_tried_again(redis_url: str, answer: Answer) -> None:
    with ScriptedSlack() as slack:
        slack.answers["rtm.connect"].insert(0, answer)
        with SlackSide(redis_url, slack.api_url) as worker:
            worker.becomes("connected")
            assert slack.calls["rtm.connect"] == 2
            slack.sockets[0].say(MESSAGE)
            worker.hears(1)


@pytest.mark.parametrize("status", [404, 408, 500])
def test_a_refused_upgrade_is_tried_again_with_a_new_address(redis_url: str, status: int) -> None:
    with ScriptedSlack(refuse_upgrade=status) as slack, SlackSide(redis_url, slack.api_url) as worker:
        until(lambda: (state := worker.state()) and state.error == "unreachable")
        slack.refuse_upgrade = 0
        worker.becomes("connected")


def test_a_limit_is_obeyed(redis_url: str) -> None:
    with ScriptedSlack() as slack:
        limited = Answer(status=429, body=b"slow down", headers=("Retry-After: 2",))
        slack.answers["rtm.connect"].insert(0, limited)
        with SlackSide(redis_url, slack.api_url) as worker:
            until(lambda: (state := worker.state()) and state.error == "ratelimited")
            limited_at = time.monotonic()
            worker.becomes("connected")
            assert time.monotonic() - limited_at > 2
            assert slack.calls["rtm.connect"] == 2


def api(slack: ScriptedSlack, **changes: float) -> WebApi:
    options = structs.replace(SlackOptions(api_url=slack.api_url), **changes)
    return WebApi(options, Dialer(options))


def test_a_hanging_call_ends_with_its_deadline() -> None:
    with ScriptedSlack(answers={"api.test": [Answer(wait_s=30)]}) as slack:
        said = api(slack, call_s=0.2).call("api.test", "xoxb-1")
        assert isinstance(said, Unreachable)
        assert "0.2 s" in said.detail


def test_a_redirect_is_not_followed_and_the_token_stays_here() -> None:
    with ScriptedSlack() as thief:
        away = Answer(status=307, headers=(f"Location: {thief.api_url}api.test",))
        with ScriptedSlack(answers={"api.test": [away]}) as slack:
            assert isinstance(api(slack).call("api.test", "xoxb-1"), Unreachable)
        assert thief.requests == []


def test_an_endless_body_is_not_read() -> None:
    with ScriptedSlack(answers={"api.test": [Answer(body=b" " * 6_000_000)]}) as slack:
        assert isinstance(api(slack).call("api.test", "xoxb-1"), Unreachable)


def test_the_token_is_in_a_header_and_nowhere_else() -> None:
    with ScriptedSlack(answers={"api.test": [Answer(body={"ok": True, "more": [1]})]}) as slack:
        said = api(slack).call("api.test", "xoxb-1", {"a": "ü b"})
        assert said == Granted(answer={"ok": True, "more": [1]})
        [request] = slack.requests
        head, _, body = request.partition(b"\r\n\r\n")
        assert b"Authorization: Bearer xoxb-1" in head
        assert head.startswith(b"POST /api/api.test HTTP/1.1\r\n")
        assert body == b"a=%C3%BC+b"


@pytest.mark.parametrize(("header", "wait_s"), [("7", 7), ("soon", 30), ("", 30), ("99999999", 600)])
def test_how_long_a_limit_lasts(header: str, wait_s: float) -> None:
    headers = (f"Retry-After: {header}",) if header else ()
    with ScriptedSlack(answers={"api.test": [Answer(status=429, headers=headers)]}) as slack:
        assert api(slack).call("api.test", "xoxb-1") == Limited(retry_after_s=wait_s)
