"""Replies on their way to Slack: with which token, and what becomes of each thing that Slack may say."""

from dataclasses import replace

import pytest
from msgspec import structs

from relay.core.connection import Connection, Kind
from relay.core.ids import ConnectionId
from relay.core.reply import Never, NotNow, Reply, Said
from relay.slack.dial import Dialer
from relay.slack.options import SlackOptions
from relay.slack.replies import ReplyPost
from relay.slack.web_api import WebApi
from relay.store.client import Client, StoreOptions
from relay.store.connections import Connections
from relay.store.vault import Vault
from relay.store.voices import Voices
from tests.edges.scripted_slack import Answer, ScriptedSlack
from tests.edges.slack_side import RTM

REPLY = Reply(connection=RTM.id, channel="C1", thread_ts="1.5", text="hi", at=1.0)
SILENT = replace(RTM, kind=Kind.SOCKET_MODE, token="xapp-1")


def post(redis_url: str, slack: ScriptedSlack, connection: Connection, reply: Reply = REPLY) -> Said | NotNow | Never:
    """By a worker that has done nothing before."""
    options = SlackOptions(api_url=slack.api_url)
    client = Client(StoreOptions(url=redis_url))
    try:
        connections = Connections(client, Vault())
        connections.ensure(connection)
        return ReplyPost(connections, Voices(client), WebApi(options, Dialer(options)))(reply)
    finally:
        client.close()


@pytest.mark.parametrize(
    ("connection", "token"), [(RTM, b"xoxb-secret"), (replace(SILENT, bot_token="xoxb-voice"), b"xoxb-voice")]
)
def test_a_reply_is_said_with_the_connection_s_bot_token(redis_url: str, connection: Connection, token: bytes) -> None:
    with ScriptedSlack(answers={"chat.postMessage": [Answer(body={"ok": True})]}) as slack:
        assert post(redis_url, slack, connection) == Said()
        (request,) = slack.requests
        assert b"Authorization: Bearer " + token + b"\r\n" in request
        assert request.endswith(b"channel=C1&text=hi&thread_ts=1.5")


@pytest.mark.parametrize(
    ("connection", "why"), [(SILENT, "has no bot_token"), (replace(RTM, id=ConnectionId("con_other")), "removed")]
)
def test_without_a_bot_token_or_a_connection_nothing_is_said(redis_url: str, connection: Connection, why: str) -> None:
    with ScriptedSlack() as slack:
        said = post(redis_url, slack, connection)
        assert isinstance(said, Never)
        assert why in said.why
        assert not slack.requests


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(body={"ok": False, "error": "channel_not_found"}), Never(why="channel_not_found")),
        (Answer(body={"ok": False, "error": "fatal_error"}), NotNow(wait_s=10.0, why="fatal_error")),
        (Answer(status=429, headers=("Retry-After: 7",)), NotNow(wait_s=7.0, why="ratelimited")),
        (Answer(status=503, body=b"<html>"), NotNow(wait_s=10.0, why="service_unavailable: HTTP 503")),
    ],
)
def test_what_slack_may_say(redis_url: str, answer: Answer, said: NotNow | Never) -> None:
    with ScriptedSlack(answers={"chat.postMessage": [answer]}) as slack:
        assert post(redis_url, slack, RTM) == said


@pytest.mark.parametrize("author", ["UONE", "BONE"])
def test_what_one_bot_of_the_relay_said_is_not_answered_through_another(redis_url: str, author: str) -> None:
    """It hears it as anybody's message; the two would talk for ever."""
    other = replace(RTM, id=ConnectionId("con_other"), token="xoxb-other")
    message = {"type": "message", "user": "UONE", "bot_id": "BONE", "text": "hi"}
    with ScriptedSlack(answers={"chat.postMessage": [Answer(body={"ok": True, "message": message})]}) as slack:
        assert post(redis_url, slack, RTM, structs.replace(REPLY, authors=("UHUMAN",))) == Said()
        echo = structs.replace(REPLY, connection=other.id, authors=(author, "UELSE"))
        answered = post(redis_url, slack, other, echo)
        assert isinstance(answered, Never)
        assert "another bot" in answered.why
        assert post(redis_url, slack, other, structs.replace(echo, authors=("UHUMAN",))) == Said()
