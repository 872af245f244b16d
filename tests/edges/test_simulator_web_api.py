"""The simulated Web API: every spelling that clients use, every word that Slack says no with."""

import urllib.parse
from collections.abc import Iterator

import gevent
import pytest

from relay.core.complaints import complaint
from relay.core.webhook import Json
from relay.simulator import faults
from relay.simulator.methods import ERRORS
from relay.simulator.options import APP_TOKEN, BOT_TOKEN, GRANULAR_TOKEN, SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from tests.edges.slack_client import Answer, Socket, ask, call
from tests.waiting import until

BEARER = {"Authorization": f"Bearer {BOT_TOKEN}"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json; charset=utf-8"}


@pytest.fixture(scope="module")
def slack() -> Iterator[SimulatedSlack]:
    with SimulatedSlack() as slack:
        yield slack


@pytest.mark.parametrize(
    ("query", "body", "header"),
    [
        ("", None, BEARER),
        (f"?token={BOT_TOKEN}", None, {}),
        ("", b"", BEARER),
        ("", f"token={BOT_TOKEN}".encode(), FORM),
        ("", b"{}", BEARER | JSON),
        ("", f'{{"token": "{BOT_TOKEN}"}}'.encode(), JSON),
    ],
)
@pytest.mark.parametrize("method", ["rtm.connect", "rtm.start", "auth.test"])
def test_a_token_is_found_wherever_clients_put_it(
    slack: SimulatedSlack, method: str, query: str, body: bytes | None, header: dict[str, str]
) -> None:
    answer = ask(slack.api_url + method + query, body=body, header=header)
    assert answer.status == 200
    assert answer.json["ok"] is True


def test_rtm_connect_answers_with_a_url_the_bot_and_the_team(slack: SimulatedSlack) -> None:
    answer = call(slack.api_url, "rtm.connect").json
    url = urllib.parse.urlsplit(str(answer["url"]))
    assert (url.scheme, url.port) == ("ws", slack.port)
    assert answer["self"] == {"id": slack.workspace.bot_user, "name": "relaybot"}
    assert answer["team"] == {"id": slack.workspace.team, "name": "Simulated", "domain": "simulated"}


@pytest.mark.parametrize(
    ("spelling", "batched"), [("1", True), ("true", True), ("True", True), ("0", False), ("false", False), ("", False)]
)
def test_booleans_are_read_in_every_spelling(slack: SimulatedSlack, spelling: str, batched: bool) -> None:
    answer = call(slack.api_url, "rtm.connect", batch_presence_aware=spelling).json
    with Socket(str(answer["url"])) as socket:
        socket.await_type("hello")
        socket.say(type="presence_query", ids=[slack.workspace.people[0].id])
        assert ("users" in socket.await_type("presence_change")) is batched


@pytest.mark.parametrize("word", sorted(ERRORS - {"ratelimited"}))
def test_a_token_can_name_the_error_that_it_wants(slack: SimulatedSlack, word: str) -> None:
    for method in ("rtm.connect", "auth.test"):
        answer = call(slack.api_url, method, f"xoxb-{word}")
        assert (answer.status, answer.json) == (200, {"ok": False, "error": word})


def test_the_relay_can_explain_every_word_that_slack_says_no_with() -> None:
    unexplained = {word for word in ERRORS if "which the relay does not know" in complaint(word).sentence}
    assert unexplained == set()


def test_a_limited_token_gets_429_and_a_time(slack: SimulatedSlack) -> None:
    answer = call(slack.api_url, "rtm.connect", "xoxb-ratelimited")
    assert (answer.status, answer.error, answer.header["Retry-After"]) == (429, "ratelimited", "30")


@pytest.mark.parametrize(
    ("method", "token", "word"),
    [
        ("rtm.connect", "", "not_authed"),
        ("rtm.connect", "xoxb-whatever", "invalid_auth"),
        ("rtm.connect", "nonsense", "invalid_auth"),
        ("rtm.connect", APP_TOKEN, "not_allowed_token_type"),
        ("apps.connections.open", BOT_TOKEN, "not_allowed_token_type"),
        ("apps.connections.open", "xapp-whatever", "invalid_auth"),
        ("apps.connections.open", "xapp-link_disabled", "invalid_auth"),
        ("no.such_method", BOT_TOKEN, "unknown_method"),
    ],
)
def test_tokens_open_only_what_they_are_for(slack: SimulatedSlack, method: str, token: str, word: str) -> None:
    assert call(slack.api_url, method, token).error == word


def test_apps_connections_open_wants_a_post_and_a_token_in_the_header(slack: SimulatedSlack) -> None:
    url = slack.api_url + "apps.connections.open"
    assert ask(url, header={"Authorization": f"Bearer {APP_TOKEN}"}).error == "insecure_request"
    assert ask(url, body=f"token={APP_TOKEN}".encode(), header=FORM).error == "not_authed"


def test_the_bot_can_find_its_app(slack: SimulatedSlack) -> None:
    """The way from a token to the `api_app_id` of the Events API."""
    bot = call(slack.api_url, "auth.test").json["bot_id"]
    assert call(slack.api_url, "bots.info", bot=str(bot)).json["bot"]["app_id"] == slack.workspace.app  # type: ignore[index, call-overload]  # JSON
    assert call(slack.api_url, "bots.info", bot="B0").error == "bot_not_found"


def test_people_and_channels_can_be_looked_up(slack: SimulatedSlack) -> None:
    for channel in slack.workspace.channels:
        shown = call(slack.api_url, "conversations.info", channel=channel.id).json["channel"]
        assert isinstance(shown, dict)
        assert [shown["is_channel"], shown["is_group"], shown["is_im"], shown["is_mpim"]].count(True) == 1
    assert call(slack.api_url, "conversations.info", channel="C0").error == "channel_not_found"
    assert call(slack.api_url, "users.info", user=slack.workspace.people[0].id).json["ok"] is True
    assert call(slack.api_url, "users.info", user=slack.workspace.bot_user).json["ok"] is True
    assert call(slack.api_url, "users.info", user="U0").error == "user_not_found"


def listed(slack: SimulatedSlack, method: str, rows: str, **arguments: str) -> list[Json]:
    """All pages of a list."""
    found: list[Json] = []
    while True:
        answer = call(slack.api_url, method, **arguments).json
        page, metadata = answer[rows], answer["response_metadata"]
        assert isinstance(page, list)
        assert isinstance(metadata, dict)
        found += page
        if not metadata["next_cursor"]:
            return found
        arguments["cursor"] = str(metadata["next_cursor"])


@pytest.mark.parametrize("method", ["conversations.list", "users.conversations"])
def test_conversations_are_listed_by_kind_and_in_pages(slack: SimulatedSlack, method: str) -> None:
    every = "public_channel, private_channel,mpim,im"
    assert len(listed(slack, method, "channels")) == slack.options.channels
    assert len(listed(slack, method, "channels", types=every, limit="2")) == len(slack.workspace.channels)
    assert len(listed(slack, method, "channels", types="mpim,im")) == 2
    assert call(slack.api_url, method, types="secret").error == "invalid_types"
    assert call(slack.api_url, method, limit="many").error == "invalid_limit"
    assert call(slack.api_url, method, cursor="next").error == "invalid_cursor"


def test_people_are_listed_and_where_they_are(slack: SimulatedSlack) -> None:
    assert len(listed(slack, "users.list", "members", limit="5")) == slack.options.people + 1
    room, last = slack.workspace.channels[0].id, slack.workspace.people[-1].id
    assert last in listed(slack, "conversations.members", "members", channel=room)
    theirs = listed(slack, "users.conversations", "channels", user=last, types="public_channel,private_channel,im,mpim")
    assert len(theirs) == slack.options.channels


def test_a_granular_token_opens_everything_but_rtm(slack: SimulatedSlack) -> None:
    for method in ("rtm.connect", "rtm.start"):
        assert call(slack.api_url, method, GRANULAR_TOKEN).error == "not_allowed_token_type"
    said = call(slack.api_url, "chat.postMessage", GRANULAR_TOKEN, channel=slack.workspace.channels[0].id, text="hi")
    assert said.json["ok"] is True
    assert call(slack.api_url, "auth.test", GRANULAR_TOKEN).json["ok"] is True


def test_api_test_gives_back_what_it_got(slack: SimulatedSlack) -> None:
    assert call(slack.api_url, "api.test", foo="bar").json == {"ok": True, "args": {"foo": "bar"}}
    assert call(slack.api_url, "api.test", error="my_error").error == "my_error"


def test_a_posted_message_becomes_an_event(slack: SimulatedSlack) -> None:
    channel = slack.workspace.channels[0].id
    posted = call(slack.api_url, "chat.postMessage", channel=channel, text="done", thread_ts="1.1").json
    event = slack.emitted[-1]
    assert (event["ts"], event["text"], event["thread_ts"]) == (posted["ts"], "done", "1.1")
    assert event["bot_id"] == slack.workspace.bot
    assert call(slack.api_url, "chat.postMessage", channel=channel).error == "no_text"
    assert call(slack.api_url, "chat.postMessage", channel="C0", text="?").error == "channel_not_found"


def test_the_limit_on_rtm_connect_counts_by_token() -> None:
    options = SimulatorOptions(connects_per_minute=2, bot_tokens=(BOT_TOKEN, "xoxb-other"))
    with SimulatedSlack(options) as slack:
        assert [call(slack.api_url, "rtm.connect").status for _ in range(3)] == [200, 200, 429]
        limited = call(slack.api_url, "rtm.connect")
        assert 0 < int(limited.header["Retry-After"]) <= 60
        assert call(slack.api_url, "rtm.connect", "xoxb-other").status == 200
        assert call(slack.api_url, "auth.test").status == 200


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        (faults.error("fatal_error"), 200, b'{"ok":false,"error":"fatal_error"}'),
        (faults.rate_limited(7), 429, b'{"ok":false,"error":"ratelimited"}'),
        (faults.html(503), 503, b"<!DOCTYPE html><html><body><h1>Server Error</h1></body></html>"),
        (faults.plain(429, "slow down", retry_after_s=3), 429, b"slow down"),
        (faults.plain(200, ""), 200, b""),
    ],
)
def test_planned_faults_come_as_often_as_planned(
    slack: SimulatedSlack, fault: faults.Fault, status: int, body: bytes
) -> None:
    slack.faults.plan("rtm.connect", fault, times=2)
    assert call(slack.api_url, "auth.test").status == 200
    for _ in range(2):
        answer = call(slack.api_url, "rtm.connect")
        assert (answer.status, answer.body) == (status, body)
        assert answer.header["Retry-After"] == (None if fault.retry_after_s is None else str(fault.retry_after_s))
    assert call(slack.api_url, "rtm.connect").json["ok"] is True


def test_a_call_can_hang_until_it_is_released(slack: SimulatedSlack) -> None:
    slack.faults.plan(faults.EVERY, faults.hang())
    answers: list[Answer] = []
    asking = gevent.spawn(lambda: answers.append(call(slack.api_url, "auth.test")))
    until(lambda: slack.faults.hanging == 1)
    assert call(slack.api_url, "api.test").json["ok"] is True
    assert not answers
    slack.faults.release()
    asking.join()
    assert answers[0].body == b""
