"""The command line as a person types it, against a running relay. What each command says: edges/test_cli.py."""

import json
import os
import pty
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from gevent.os import tp_read
from gevent.subprocess import Popen, run

from relay.core.webhook import Json
from relay.simulator.options import SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from tests.receivers import Receiver
from tests.whole.program import ADMIN_TOKEN, Program


@pytest.fixture(scope="module")
def slack() -> Iterator[SimulatedSlack]:
    with SimulatedSlack(SimulatorOptions(rate=20)) as slack:
        yield slack


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


@pytest.mark.parametrize(
    ("shell", "position", "said"),
    [("zsh", "1", "plain\nwebhooks\n"), ("fish", "webh", "plain,webhooks\t")],
)
def test_the_tab_key_knows_the_commands(shell: str, position: str, said: str) -> None:
    """Asked as the function of `relay completion` asks in that shell; bash itself is below."""
    asked = {"_RELAY_COMPLETE": f"{shell}_complete", "COMP_WORDS": "relay webh", "COMP_CWORD": position}
    assert said in typed("", **asked).stdout


def test_bash_completes_what_is_begun(tmp_path: Path) -> None:
    (tmp_path / "relay").write_text(f'#!/bin/sh\nexec {sys.executable} -m relay "$@"\n')
    (tmp_path / "relay").chmod(0o755)
    begun = "COMP_WORDS=(relay deliveries re); COMP_CWORD=2; _relay_completion relay; echo ${COMPREPLY[@]}"
    script = f'PATH={tmp_path}:$PATH; eval "$(relay completion bash)"; {begun}'
    assert run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout == "retry\n"


def test_on_a_terminal_there_is_colour_and_in_a_pipe_there_is_none(relay: Program) -> None:
    assert "\x1b[32mconnected\x1b[0m" in on_a_terminal("connections list", relay.address)
    assert "\x1b" not in typed("connections list", relay.address).stdout


def test_on_a_terminal_a_bar_shows_how_far_a_replay_is(relay: Program) -> None:
    with Receiver() as receiver:
        id = answered(f"webhooks add {receiver.url} -e *", relay)["id"]
        shown = on_a_terminal(f"webhooks replay {id} --since 2020-01-01T00:00:00Z --status all", relay.address)
    assert "replaying" in shown
    assert "100%" in shown


@pytest.mark.parametrize(
    ("command", "env", "said"),
    [
        ("worker", {"WEB_CONCURRENCY": "0"}, "WEB_CONCURRENCY cannot be read"),
        ("serve", {"RELAY_ADMIN_TOKEN": "", "REDIS_URL": "redis://127.0.0.1:1"}, "cannot listen on"),
    ],
    ids=["no workers", "a taken port"],
)
def test_what_cannot_begin_says_why_and_nothing_else(command: str, env: dict[str, str], said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = typed(command, **{"PORT": str(taken.getsockname()[1]), "HOST": "127.0.0.1", **env})
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert said in refused.stderr


def on_a_terminal(command: str, address: str) -> str:
    """What a command draws there."""
    here, there = pty.openpty()
    env = {name: os.environ[name] for name in ("PATH", "HOME")} | {"RELAY_URL": address, "TERM": "xterm-256color"}
    env |= {"RELAY_ADMIN_TOKEN": ADMIN_TOKEN, "COLUMNS": "120"}
    asked = [sys.executable, "-m", "relay", *command.split()]
    with Popen(asked, env=env, stdin=there, stdout=there, stderr=there) as process:
        os.close(there)
        shown = b"".join(iter(lambda: read_until_closed(here), b""))
        assert process.wait() == 0, shown
    os.close(here)
    return shown.decode()


def read_until_closed(terminal: int) -> bytes:
    try:
        return tp_read(terminal, 65536)
    except OSError:  # EIO: the other side has gone
        return b""
