"""`relay tail` and `relay listen`: they go on when the relay was away, and miss nothing that it kept."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from slack_sdk.signature import SignatureVerifier

from relay.simulator.options import BOT_TOKEN
from relay.simulator.slack import SimulatedSlack
from tests.receivers import Receiver
from tests.waiting import until
from tests.whole.program import ADMIN_TOKEN, Program
from tests.whole.scene import speak

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"


@pytest.fixture
def serving(slack: SimulatedSlack, redis_url: str) -> dict[str, str]:
    """The environment of a relay, always on the same port."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    return {"SLACK_API_URL": slack.api_url, "SLACK_BOT_TOKEN": BOT_TOKEN, "REDIS_URL": redis_url, "PORT": str(port)}


@contextmanager
def relay(env: dict[str, str]) -> Iterator[Program]:
    with Program("serve", env) as program:
        program.fact("connection_changed", status="connected")
        yield program


def asking(env: dict[str, str]) -> dict[str, str]:
    """The environment of a command that asks that relay."""
    return {"RELAY_URL": f"http://127.0.0.1:{env['PORT']}", "RELAY_ADMIN_TOKEN": ADMIN_TOKEN}


def repeat(slack: SimulatedSlack, text: str, heard: Callable[[], bool]) -> None:
    """Nobody hears what was said before they came: say it until it is heard."""

    def once_more() -> bool:
        speak(slack, text)
        return heard()

    until(once_more)


def seen(program: Program, text: str) -> bool:
    return any(text in line for line in program.said)


def test_tail_goes_on_after_the_relay_was_killed_and_misses_nothing(
    slack: SimulatedSlack, serving: dict[str, str]
) -> None:
    with Program("tail --json", asking(serving)) as tail:
        with relay(serving) as first:
            repeat(slack, "before", lambda: seen(tail, "before"))
            first.running.kill()
            first.running.wait()
        until(lambda: seen(tail, "The stream ended"))
        with relay(serving):
            speak(slack, "while nobody watched")
            until(lambda: seen(tail, "while nobody watched"), 40)
            speak(slack, "after")
            until(lambda: seen(tail, "after"))
            assert [json.loads(line)["type"] for line in tail.said if line.startswith("{")].count("event") >= 3


def test_listen_forwards_what_a_verifier_accepts(slack: SimulatedSlack, serving: dict[str, str]) -> None:
    command = "listen --events message --secret " + SECRET
    with (
        relay(serving),
        Receiver() as receiver,
        Program(f"{command} --forward {receiver.url}", asking(serving)) as listen,
    ):
        repeat(slack, "Grüße ☔", lambda: bool(receiver.got))
        got = receiver.got[0]
        assert SignatureVerifier(SECRET).is_valid_request(got.body, got.headers)
        until(lambda: seen(listen, "200"))


def test_a_wrong_token_is_said_and_not_tried_for_ever(slack: SimulatedSlack, serving: dict[str, str]) -> None:
    with relay(serving):
        command = [sys.executable, "-m", "relay", "tail", "--token", "wrong", "--relay", asking(serving)["RELAY_URL"]]
        refused = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert refused.returncode == 1
        assert "Unauthorized" in refused.stderr


@pytest.mark.parametrize("command", ["tail", "listen --forward http://127.0.0.1:9/"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_who_watches_with_exit_code_0(
    serving: dict[str, str], command: str, number: signal.Signals
) -> None:
    with Program(command, asking(serving)) as watching:
        until(lambda: "trying again" in "\n".join(watching.said))  # there is no relay: it waits for one
        watching.running.send_signal(number)
        assert watching.running.wait(10) == 0
