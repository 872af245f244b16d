"""docs/getting-started.md, docs/from-events-api.md and docs/webhooks.md, followed in a shell as a new user would; Slack
is simulated.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from relay.simulator.gestures import block_actions, slash_command
from relay.simulator.options import APP_TOKEN, BOT_TOKEN, SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from tests.house.rooms import ROOT
from tests.waiting import until
from tests.whole.terminal import Terminal, blocks, read, without

SCOPES = {
    "app_mention": {"app_mentions:read"},
    "channel_archive": {"channels:read"},
    "channel_created": {"channels:read"},
    "channel_rename": {"channels:read"},
    "member_joined_channel": {"channels:read", "groups:read"},
    "member_left_channel": {"channels:read", "groups:read"},
    "message.channels": {"channels:history"},
    "message.groups": {"groups:history"},
    "message.im": {"im:history"},
    "message.mpim": {"mpim:history"},
    "reaction_added": {"reactions:read"},
    "reaction_removed": {"reactions:read"},
    "team_join": {"users:read"},
}
"""What Slack asks of a bot for each event (docs.slack.dev/reference/events)."""

RELOCATED = """
import os, sys
if "app.py" in sys.orig_argv:
    from slack_sdk.web.base_client import BaseClient
    token, _, *others = BaseClient.__init__.__defaults__
    BaseClient.__init__.__defaults__ = (token, os.environ["SLACK_API_URL"], *others)
"""
"""Leads an app that calls slack.com to the simulated Slack."""


@pytest.fixture
def slack() -> Iterator[SimulatedSlack]:
    with SimulatedSlack(SimulatorOptions(rate=20)) as slack:
        yield slack


@pytest.fixture
def page() -> str:
    text = read("getting-started.md")
    return text.replace("xapp-…\n$", f"{APP_TOKEN}\n$").replace("xoxb-…\n$", f"{BOT_TOKEN}\n$")


@pytest.fixture
def terminal(slack: SimulatedSlack, page: str, tmp_path: Path) -> Iterator[Terminal]:
    """Where nothing is set but what leads to the simulated Slack and to a port that is free."""
    (tmp_path / "sitecustomize.py").write_text(RELOCATED)
    port = re.findall(r"listens on http://127\.0\.0\.1:(\d+)", page)[0]
    env = {"SLACK_API_URL": slack.api_url, "HOST": "127.0.0.1", "PORT": port, "PYTHONPATH": str(tmp_path)}
    with Terminal(tmp_path, env | {"RELAY_URL": f"http://127.0.0.1:{port}"}) as terminal:
        yield terminal


@pytest.mark.parametrize("other_way", ["With RTM", "With Socket Mode"])
def test_a_new_user_sees_the_first_callback(terminal: Terminal, page: str, other_way: str) -> None:
    terminal.follow(without(page, other_way))


def test_a_bolt_app_of_the_events_api_runs_as_it_is(terminal: Terminal, page: str, slack: SimulatedSlack) -> None:
    terminal.follow(without(page, "With RTM", "The first webhook"))
    terminal.type(f"export SLACK_BOT_TOKEN={BOT_TOKEN}")
    set_up, what_comes = re.split(r"(?=```text from=app.py)", read("from-events-api.md"))
    terminal.follow(set_up)
    terminal.see("app.py", "Bolt app is running")
    person, channel = slack.workspace.people[0], slack.workspace.channels[0]
    command = slash_command(slack.workspace, person, channel, command="/deploy", text="api")
    offered = slack.socket_mode.offer("slash_commands", command, accepts_response=True)
    assert offered.acknowledged.get(timeout=5) == {"text": "Deploying api."}
    click = block_actions(slack.workspace, person, channel, action_id="approve", value="yes")
    slack.socket_mode.offer("interactive", click, accepts_response=True)
    terminal.follow(what_comes)


def test_what_a_webhook_can_say_is_done(terminal: Terminal, page: str, slack: SimulatedSlack) -> None:
    terminal.follow(without(page, "With Socket Mode", "The first webhook"))
    terminal.follow(read("webhooks.md"))
    until(lambda: any(event.get("text") == "Heard." for event in slack.emitted), saying="the answer is said in Slack")


def test_every_field_of_a_webhook_is_on_its_page() -> None:
    document = json.loads((ROOT / "docs/openapi.json").read_text())
    rows = re.findall(r"^\| (`[^|]+) \|", without(read("webhooks.md"), "The relay's own events"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == set(document["components"]["schemas"]["NewWebhook"]["properties"])


def test_the_manifest_asks_for_what_its_events_need() -> None:
    (text,) = [block.text for block in blocks(read("getting-started.md")) if block.told == "file=manifest.yaml"]
    manifest = yaml.safe_load(text)
    settings, scopes = manifest["settings"], set(manifest["oauth_config"]["scopes"]["bot"])
    assert set(settings["event_subscriptions"]["bot_events"]) == set(SCOPES)
    assert set().union(*SCOPES.values()) <= scopes
    assert settings["socket_mode_enabled"]
    assert "request_url" not in text
