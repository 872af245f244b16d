"""A function behind a webhook answers in Slack, with no Slack token of its own and no end of talking to itself."""

import json
from time import time

from relay.core.webhook import Json
from relay.simulator.options import BOT_TOKEN
from relay.simulator.slack import SimulatedSlack
from tests.receivers import Answer, Got, Receiver
from tests.waiting import until
from tests.whole.api import call
from tests.whole.program import Program


def answers_everything(got: Got) -> Answer:
    event = json.loads(got.body)["event"]
    return Answer(200, json.dumps({"text": f"heard: {event['text']}"}).encode())


def texts(receiver: Receiver) -> list[str]:
    return [json.loads(got.body)["event"]["text"] for got in receiver.got]


def test_an_endpoint_s_answer_is_said_in_the_thread_and_its_echo_is_not_answered(
    slack: SimulatedSlack, redis_url: str
) -> None:
    env = {"SLACK_API_URL": slack.api_url, "SLACK_BOT_TOKEN": BOT_TOKEN, "REDIS_URL": redis_url}
    with Receiver(answers_everything) as receiver, Program("serve", env) as program:
        program.fact("connection_changed", status="connected")
        asked: Json = {"url": receiver.url, "events": ["message"], "reply": True}
        assert call(program.address, "POST /v1/webhooks", asked).status == 201
        channel, user = slack.workspace.channels[0].id, slack.workspace.people[0].id
        thread = slack.stamps.next(time())
        for text, extra in (("ping", {}), ("pong", {"thread_ts": thread})):
            ts = slack.stamps.next(time())
            slack.emit({"type": "message", "channel": channel, "user": user, "text": text, "ts": ts, **extra})
        until(
            lambda: {"heard: ping", "heard: pong"} <= set(texts(receiver)), saying=f"{texts(receiver)} had both echoes"
        )
        echoes = {json.loads(got.body)["event"]["text"]: json.loads(got.body)["event"] for got in receiver.got}
        assert echoes["heard: pong"]["thread_ts"] == thread
        assert "thread_ts" not in echoes["heard: ping"]
        assert "bot_id" in echoes["heard: ping"]
        ts = slack.stamps.next(time())
        slack.emit({"type": "message", "channel": channel, "user": user, "text": "last", "ts": ts})
        until(lambda: "heard: last" in texts(receiver))
        assert sorted(texts(receiver)) == ["heard: last", "heard: ping", "heard: pong", "last", "ping", "pong"]
        assert program.end() == 0
