"""Socket Mode through the whole program: events are delivered, and what a webhook answers to a command reaches
Slack.
"""

import signal
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest

from relay.core.webhook import Json
from relay.simulator.gestures import block_actions, slash_command, view_submission
from relay.simulator.options import APP_TOKEN
from relay.simulator.slack import SimulatedSlack
from tests.receivers import Answer, Receiver
from tests.waiting import until
from tests.whole.api import call
from tests.whole.bolt import SECRET, bolt_app
from tests.whole.program import Program


@pytest.fixture
def relay(slack: SimulatedSlack, redis_url: str) -> Iterator[Program]:
    env = {"SLACK_API_URL": slack.api_url, "SLACK_APP_TOKEN": APP_TOKEN, "REDIS_URL": redis_url}
    with Program("serve", env) as relay:
        relay.fact("connection_changed", status="connected")
        yield relay


def register(relay: Program, receiver: Receiver, *events: str) -> None:
    wanted: list[Json] = list(events)
    assert call(relay.address, "POST /v1/webhooks", {"url": receiver.url, "events": wanted}).status == 201


def command(slack: SimulatedSlack, text: str) -> dict[str, Json]:
    workspace = slack.workspace
    return slash_command(workspace, workspace.people[0], workspace.channels[0], command="/deploy", text=text)


def test_an_answer_to_a_slash_command_goes_back_in_the_acknowledgement(
    slack: SimulatedSlack, relay: Program, receiver: Receiver
) -> None:
    receiver.answer = lambda got: Answer(200, b'{"text": "Deploying."}')
    register(relay, receiver, "slash_commands")
    offered = slack.socket_mode.offer("slash_commands", command(slack, "production"), accepts_response=True)
    assert offered.acknowledged.get(timeout=5) == {"text": "Deploying."}
    (got,) = receiver.got
    assert got.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(got.body.decode())["text"] == ["production"]


def test_a_click_is_answered_by_the_webhook_that_names_it(
    slack: SimulatedSlack, relay: Program, receiver: Receiver
) -> None:
    receiver.answer = lambda got: Answer(200, b'{"text": "Done."}')
    register(relay, receiver, "interactive.block_actions")
    person, channel = slack.workspace.people[0], slack.workspace.channels[0]
    click = block_actions(slack.workspace, person, channel, action_id="ok", value="yes")
    offered = slack.socket_mode.offer("interactive", click, accepts_response=True)
    assert offered.acknowledged.get(timeout=5) == {"text": "Done."}
    assert "payload" in parse_qs(receiver.got[0].body.decode())


def test_an_unmodified_bolt_app_takes_commands_clicks_and_forms_and_its_answer_reaches_slack(
    slack: SimulatedSlack, relay: Program
) -> None:
    person, channel = slack.workspace.people[0], slack.workspace.channels[0]
    with bolt_app(slack.api_url) as bolt:
        wanted: Json = {"url": bolt.url, "events": ["slash_commands", "interactive"], "secret": SECRET}
        assert call(relay.address, "POST /v1/webhooks", wanted).status == 201
        said = slack.socket_mode.offer("slash_commands", command(slack, "production"), accepts_response=True)
        assert said.acknowledged.get(timeout=10) == {"text": "Deploying production."}
        click = block_actions(slack.workspace, person, channel, action_id="approve", value="yes")
        clicked = slack.socket_mode.offer("interactive", click, accepts_response=True)
        assert clicked.acknowledged.get(timeout=10) == {}
        until(lambda: "approve yes\n" in bolt.heard)
        form = view_submission(slack.workspace, person, callback_id="form")
        sent = slack.socket_mode.offer("interactive", form, accepts_response=True)
        assert sent.acknowledged.get(timeout=10) == {"response_action": "errors", "errors": {"name": "is taken"}}


def test_without_an_answer_in_time_slack_gets_a_plain_acknowledgement(
    slack: SimulatedSlack, relay: Program, receiver: Receiver
) -> None:
    receiver.answer = lambda got: Answer(500)
    register(relay, receiver, "slash_commands")
    offered = slack.socket_mode.offer("slash_commands", command(slack, "nowhere"), accepts_response=True)
    assert offered.acknowledged.get(timeout=5) == {}
    assert len(offered.ids) == 1


def test_the_same_command_twice_is_two_events(slack: SimulatedSlack, relay: Program, receiver: Receiver) -> None:
    register(relay, receiver, "slash_commands")
    for _ in range(2):
        slack.socket_mode.offer("slash_commands", command(slack, "again"), accepts_response=True)
    receiver.wait_for(2)
    assert relay.end(signal.SIGTERM) == 0
