"""The main job, by the program itself: a Slack frame comes in, a signed callback goes out."""

import signal
from time import time

import gevent
import pytest
from gevent.event import Event
from slack_sdk.signature import SignatureVerifier
from standardwebhooks import Webhook as StandardWebhook

from relay.core.webhook import Json
from relay.simulator.options import BOT_TOKEN
from relay.simulator.slack import SimulatedSlack
from tests.receivers import Answer, Got, Receiver
from tests.waiting import until
from tests.whole.api import call
from tests.whole.bolt import SECRET, bolt_app
from tests.whole.program import Program
from tests.whole.scene import speak
from tests.whole.steady import text_of


def environment(slack: SimulatedSlack, redis_url: str, token: str = BOT_TOKEN) -> dict[str, str]:
    return {"SLACK_API_URL": slack.api_url, "SLACK_BOT_TOKEN": token, "REDIS_URL": redis_url}


def test_every_event_arrives_once_signed_twice(slack: SimulatedSlack, redis_url: str, receiver: Receiver) -> None:
    with Program("serve", environment(slack, redis_url)) as relay:
        relay.fact("connection_changed", status="connected")
        made = call(relay.address, "POST /v1/webhooks", {"url": receiver.url, "events": ["message"]})
        assert made.status == 201
        secret = str(made.body["secret"])
        for number in range(50):
            speak(slack, f"Grüße {number} ☔")
        got = receiver.wait_for(50)
        for one in got:
            assert SignatureVerifier(secret).is_valid_request(one.body, one.headers)
            StandardWebhook(secret).verify(one.body, one.headers)
            assert one.body.isascii()
        texts = [text_of(one) for one in got]
        assert sorted(texts) == sorted(f"Grüße {number} ☔" for number in range(50))
        assert relay.end() == 0


def test_an_unmodified_bolt_app_is_called(slack: SimulatedSlack, redis_url: str) -> None:
    with Program("serve", environment(slack, redis_url)) as relay:
        relay.fact("connection_changed", status="connected")
        with bolt_app(slack.api_url) as bolt:
            wanted: Json = {"url": bolt.url, "events": ["*"], "secret": SECRET}
            made = call(relay.address, "POST /v1/webhooks", wanted)
            assert made.status == 201, made.body
            channel, user = slack.workspace.channels[0].id, slack.workspace.people[0].id
            speak(slack, "hello, app")
            stamp = slack.stamps.next(time())
            reacted_to: dict[str, Json] = {"type": "message", "channel": channel, "ts": stamp}
            reaction: dict[str, Json] = {"type": "reaction_added", "user": user, "reaction": "tada"}
            slack.emit(reaction | {"item": reacted_to, "event_ts": stamp})
            until(lambda: len(bolt.heard) >= 3, saying=f"both listeners were called: {bolt.heard}")
            assert {f"message {channel} hello, app\n", "reaction_added tada\n"} <= set(bolt.heard)


def test_a_bad_token_is_said_in_slack_s_word_and_a_plain_sentence(slack: SimulatedSlack, redis_url: str) -> None:
    with Program("serve", environment(slack, redis_url, "xoxb-invalid_auth")) as relay:
        fact = relay.fact("connection_changed", status="failed")
        assert fact["error"] == "invalid_auth"
        assert "token" in str(fact["explanation"])
        readiness = call(relay.address, "GET /readyz", token=None)
        assert readiness.status == 503
        assert "invalid_auth" in str(readiness.body)
        assert call(relay.address, "GET /healthz", token=None).status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(slack: SimulatedSlack, redis_url: str, number: signal.Signals) -> None:
    with Program("serve", environment(slack, redis_url)) as relay:
        relay.fact("connection_changed", status="connected")
        assert relay.end(number) == 0
        relay.fact("stopped")


def test_what_is_in_flight_is_finished_before_the_end(
    slack: SimulatedSlack, redis_url: str, receiver: Receiver
) -> None:
    ending = Event()

    def when_it_ends(got: Got) -> Answer:
        ending.wait(10)
        return Answer()

    receiver.answer = when_it_ends
    with Program("serve", environment(slack, redis_url)) as relay:
        relay.fact("connection_changed", status="connected")
        call(relay.address, "POST /v1/webhooks", {"url": receiver.url, "events": ["message"]})
        speak(slack, "last words")
        receiver.wait_for(1)
        gevent.spawn_later(0.3, ending.set)
        assert relay.end() == 0
        relay.fact("attempt", verdict="delivered")


def test_the_demo_ends_with_0_when_its_callbacks_have_come() -> None:
    with Program("demo --callbacks 20 --port 0 --rate 50", {}) as demo:
        assert demo.running.wait(60) == 0
        until(lambda: any("20 callbacks verified, 0 not" in line for line in demo.said))
