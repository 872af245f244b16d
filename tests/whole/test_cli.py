"""The command line as a person types it, against a running relay."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from gevent.subprocess import run

from relay.core.webhook import Json
from relay.simulator.options import BOT_TOKEN, SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from tests.receivers import Receiver
from tests.whole.program import ADMIN_TOKEN, Program


@pytest.fixture(scope="module")
def slack() -> Iterator[SimulatedSlack]:
    with SimulatedSlack(SimulatorOptions(rate=20)) as slack:
        yield slack


@pytest.fixture
def relay(slack: SimulatedSlack, redis_url: str) -> Iterator[Program]:
    env = {"SLACK_API_URL": slack.api_url, "SLACK_BOT_TOKEN": BOT_TOKEN, "REDIS_URL": redis_url}
    with Program("serve", env) as relay:
        relay.fact("connection_changed", status="connected")
        yield relay


def typed(command: str, address: str = "", **env: str) -> "subprocess.CompletedProcess[str]":
    """What `relay COMMAND` does and says."""
    around = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "RELAY_URL": address, "COLUMNS": "200"}
    around |= {"RELAY_ADMIN_TOKEN": ADMIN_TOKEN} | env
    return run(
        [sys.executable, "-m", "relay", *command.split()], env=around, capture_output=True, text=True, check=False
    )


def answered(command: str, relay: Program) -> dict[str, Json]:
    """The JSON that a command prints with --json."""
    done = typed(f"{command} --json", relay.address)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def first_id(command: str, relay: Program) -> str:
    """Of a list's first row."""
    rows = answered(command, relay)["data"]
    assert isinstance(rows, list)
    assert isinstance(rows[0], dict)
    return str(rows[0]["id"])


def test_a_webhook_from_birth_to_removal(relay: Program) -> None:
    with Receiver() as receiver:
        made = answered(f"webhooks add {receiver.url} -e message -e reaction_* --description first", relay)
        assert str(made["secret"]).startswith("whsec_")
        assert made["events"] == ["message", "reaction_*"]
        id = made["id"]
        assert "first" in typed("webhooks list", relay.address).stdout
        assert answered(f"webhooks update {id} --set timeout=5", relay)["timeout"] == 5
        assert answered(f"webhooks test {id}", relay)["status"] == 200
        assert answered(f"webhooks rotate {id} --overlap 1h", relay)["secret"] != made["secret"]
        assert answered(f"webhooks disable {id}", relay)["status"] == "disabled"
        assert answered(f"webhooks enable {id} --drain", relay)["status"] == "enabled"
        assert typed(f"webhooks remove {id} --yes", relay.address).stdout == f"Removed {id}.\n"
        gone = typed(f"webhooks show {id}", relay.address)
        assert gone.returncode == 1
        assert "no such webhook" in gone.stderr


def test_events_and_deliveries_are_listed_and_sent_again(relay: Program) -> None:
    with Receiver() as receiver:
        answered(f"webhooks add {receiver.url} -e **", relay)
        receiver.wait_for(2)
        event = first_id("events list --limit 1", relay)
        assert answered(f"events show {event}", relay)["id"] == event
        delivered = first_id("deliveries list --status delivered --limit 1", relay)
        assert answered(f"deliveries show {delivered}", relay)["attempts"]
        seen = len(receiver.got)
        answered(f"deliveries retry {delivered}", relay)
        receiver.wait_for(seen + 1)


def test_connections_are_listed_paused_and_resumed(relay: Program) -> None:
    assert "default" in typed("connections list", relay.address).stdout
    answered("connections pause con_default", relay)
    relay.fact("connection_changed", status="stopped")
    answered("connections resume con_default", relay)


def test_a_command_without_a_token_says_what_to_do() -> None:
    refused = typed("webhooks list", RELAY_ADMIN_TOKEN="")
    assert refused.returncode == 2
    assert "RELAY_ADMIN_TOKEN" in refused.stderr


def test_a_relay_that_is_not_there_is_said_in_one_line() -> None:
    refused = typed("webhooks list", "http://127.0.0.1:1")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "cannot be reached" in refused.stderr


@pytest.mark.parametrize(
    "command", ["", "serve", "demo", "worker", "simulate", "webhooks add", "deliveries list", "doctor"]
)
def test_every_command_helps(command: str) -> None:
    helped = typed(f"{command} --help")
    assert helped.returncode == 0
    assert "Usage: relay" in helped.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_tab_key_can_know_the_commands(shell: str) -> None:
    assert "_RELAY_COMPLETE" in typed(f"completion {shell}").stdout


def test_the_doctor_is_content_with_a_sound_relay(slack: SimulatedSlack, redis_url: str) -> None:
    env = {
        "REDIS_URL": redis_url,
        "SLACK_API_URL": slack.api_url,
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "RELAY_SECRET_KEY": "k",
    }
    seen = typed("doctor", **env)
    assert "rtm.connect takes it" in seen.stdout
    assert "it throws nothing away" in seen.stdout
    assert "a restart forgets everything" in seen.stdout  # the tests' shared Redis writes nothing
    assert seen.returncode == 1


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"REDIS_URL": "redis://127.0.0.1:1"}, "Redis is away"),
        ({"SLACK_BOT_TOKEN": "xoxb-not_allowed_token_type"}, "Use Socket Mode"),
        ({"SLACK_BOT_TOKEN": "xoxb-token_revoked"}, "token_revoked"),
        ({"SLACK_APP_TOKEN": "xapp-invalid_auth"}, "invalid_auth"),
        ({"HOST": "0.0.0.0", "RELAY_ADMIN_TOKEN": ""}, "RELAY_ADMIN_TOKEN is not set"),  # noqa: S104
        ({"RELAY_DATA_DIR": "/proc/nowhere"}, "cannot be written"),
        ({"HOST": "0.0.0.0"}, "RELAY_SECRET_KEY is not set"),  # noqa: S104
    ],
    ids=["redis away", "granular token", "revoked", "bad app token", "no admin token", "no folder", "no secret key"],
)
def test_the_doctor_finds_what_is_broken(env: dict[str, str], said: str, slack: SimulatedSlack) -> None:
    seen = typed("doctor", **({"SLACK_API_URL": slack.api_url} | env))
    assert said in seen.stdout
    assert seen.returncode == 1
