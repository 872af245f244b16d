"""Slack's own clients, unmodified and each in a process of its own, judge the simulated Slack."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import pytest

from relay.core.webhook import Json
from relay.simulator import gestures
from relay.simulator.mischief import Mischief
from relay.simulator.options import APP_TOKEN, BOT_TOKEN, SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from relay.simulator.workspace import Event
from tests.waiting import until

SCRIPTS = Path(__file__).parents[1] / "witness"
PATIENCE_S = 20
GOODBYE_S = 10


class Witness:
    """A client that says on stdout what it hears, one JSON object a line, and leaves when its stdin ends."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def next(self, key: str, value: Json = None) -> dict[str, Json]:
        """The next thing that it says with this key (and this value); the rest is passed over."""
        assert self._process.stdout is not None
        with gevent.Timeout(PATIENCE_S, AssertionError(f"it does not say {key}")):
            for line in self._process.stdout:
                said = json.loads(line)
                assert isinstance(said, dict)
                if key in said and value in (None, said[key]):
                    return said
        _, complaints = self._process.communicate(timeout=GOODBYE_S)
        raise AssertionError(f"it ended without a word of {key}: {complaints}")

    def event(self, kind: str = "") -> Event:
        """The next event (of this type); hello is none."""
        while True:
            event = self.next("event")["event"]
            assert isinstance(event, dict)
            if event.get("type") != "hello" and kind in ("", event.get("type")):
                return event

    def send(self, **frame: Json) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(frame) + "\n")
        self._process.stdin.flush()

    def leave(self) -> int:
        try:
            self._process.communicate(timeout=GOODBYE_S)
        finally:
            self._process.kill()
        return self._process.wait()


@contextmanager
def at_work(script: Path, *arguments: str) -> Iterator[Witness]:
    """The script at work; it must leave in peace."""
    program = "node" if script.suffix == ".js" else sys.executable
    here = Witness(program, str(script), *arguments)
    try:
        here.next("ready")
        yield here
    finally:
        code = here.leave()
    assert code == 0


@pytest.fixture
def slack() -> Iterator[SimulatedSlack]:
    with SimulatedSlack(SimulatorOptions(retries_s=(0.0, 0.2, 0.2), socket_notice_s=0.2)) as slack:
        yield slack


@pytest.fixture(params=["py", "js"])
def suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def script(suffix: str, request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """The witness of that name, in Python or in JavaScript; for this one, Node's packages are brought in."""
    if suffix == "js":
        request.getfixturevalue("witness")
    return lambda name: SCRIPTS / f"{name}.{suffix}"


Script = Callable[[str], Path]


def test_rtm_clients_connect_receive_and_send(slack: SimulatedSlack, script: Script) -> None:
    with at_work(script("rtm_client"), slack.api_url, BOT_TOKEN) as client:
        until(lambda: slack.rtm.connections)
        for _ in range(200):
            slack.happen()
        sent = [event for event in slack.emitted if event["type"] != "presence_change"]
        heard = [client.event() for _ in sent]
        assert sorted(map(json.dumps, heard)) == sorted(map(json.dumps, sent))  # Python's listeners run side by side
        client.send(id=1, type="message", channel=slack.workspace.channels[0].id, text="hello from a client")
        until(lambda: slack.emitted[-1].get("text") == "hello from a client")


def test_rtms_node_client_sees_its_acknowledgement(slack: SimulatedSlack, witness: Path) -> None:
    with at_work(witness / "rtm_client.js", slack.api_url, BOT_TOKEN) as client:
        client.send(channel=slack.workspace.channels[0].id, text="hello")
        acknowledged = client.next("acknowledged")["acknowledged"]
        assert isinstance(acknowledged, dict)
        assert (acknowledged["ok"], acknowledged["ts"]) == (True, slack.emitted[-1]["ts"])


def test_rtm_clients_come_back_after_every_end(slack: SimulatedSlack, script: Script) -> None:
    with at_work(script("rtm_client"), slack.api_url, BOT_TOKEN) as client:
        for number, end in enumerate((Mischief.GOODBYE_AND_CLOSE, Mischief.CLOSE, Mischief.MIGRATION)):
            renew(slack, end)
            slack.emit({"type": "message", "number": number, "channel": "C1", "ts": f"{number}.1"})
            assert client.event("message")["number"] == number


def renew(slack: SimulatedSlack, end: Mischief) -> None:
    """Ends all RTM connections so, and waits for a new one."""
    until(lambda: slack.rtm.connections, within_s=30)
    before = set(slack.rtm.connections)
    slack.play(end)
    until(lambda: set(slack.rtm.connections) - before, within_s=30)
    until(lambda: not set(slack.rtm.connections) & before, within_s=30)


def test_odd_frames_do_not_disturb_rtm_clients(slack: SimulatedSlack, script: Script) -> None:
    with at_work(script("rtm_client"), slack.api_url, BOT_TOKEN) as client:
        until(lambda: slack.rtm.connections)
        for kind in (Mischief.UNKNOWN_TYPE, Mischief.RECONNECT_URL, Mischief.EMPTY_OBJECT):
            slack.play(kind)
        slack.emit({"type": "message", "text": "still here", "channel": "C1", "ts": "1.1"})
        assert client.event("message")["text"] == "still here"


def test_socket_mode_clients_get_envelopes_and_acknowledge(slack: SimulatedSlack, script: Script) -> None:
    person, channel = slack.workspace.people[0], slack.workspace.channels[0]
    with at_work(script("socket_mode_client"), slack.api_url, APP_TOKEN) as client:
        slack.emit({"type": "reaction_added", "user": person.id, "reaction": "+1", "event_ts": "1.1"})
        heard = client.next("kind", "events_api")
        assert heard["payload"] == slack.socket_mode.envelopes[0].payload
        command = gestures.slash_command(slack.workspace, person, channel, command="/deploy", text="now")
        asked = slack.socket_mode.offer("slash_commands", command, accepts_response=True)
        assert asked.acknowledged.get(timeout=5) == {"text": "on it"}
        assert client.next("kind", "slash_commands")["payload"] == command
        until(lambda: all(envelope.acknowledged.ready() for envelope in slack.socket_mode.envelopes))
        assert [len(envelope.ids) for envelope in slack.socket_mode.envelopes] == [1, 1]


def test_socket_mode_clients_come_back_when_told_to_renew(slack: SimulatedSlack, script: Script) -> None:
    with at_work(script("socket_mode_client"), slack.api_url, APP_TOKEN) as client:
        (first,) = slack.socket_mode.lines
        slack.play(Mischief.REFRESH_REQUESTED)
        until(lambda: [line for line in slack.socket_mode.lines if line is not first], within_s=30)
        slack.emit({"type": "reaction_added", "user": "U1", "reaction": "eyes", "event_ts": "1.1"})
        client.next("kind", "events_api")


def test_what_came_while_a_socket_mode_client_was_away_comes_as_a_retry(slack: SimulatedSlack, script: Script) -> None:
    with at_work(script("socket_mode_client"), slack.api_url, APP_TOKEN):
        pass
    until(lambda: not slack.socket_mode.lines)
    slack.emit({"type": "reaction_added", "user": "U1", "reaction": "eyes", "event_ts": "1.1"})
    (envelope,) = slack.socket_mode.envelopes
    assert envelope.attempt > 0


def test_bolt_apps_run_on_it(slack: SimulatedSlack, script: Script) -> None:
    person, channel = slack.workspace.people[0], slack.workspace.channels[0]
    with at_work(script("bolt_app"), slack.api_url, APP_TOKEN, BOT_TOKEN) as app:
        until(lambda: slack.socket_mode.lines)
        text = f"<@{slack.workspace.bot_user}> hello"
        slack.emit({"type": "message", "user": person.id, "text": text, "channel": channel.id, "ts": "1.1"})
        app.next("listener", "app_mention")
        until(lambda: slack.emitted[-1].get("text") == "you called?")
        slack.emit({"type": "reaction_added", "user": person.id, "reaction": "+1", "item": {}, "event_ts": "1.2"})
        app.next("listener", "reaction_added")
        command = gestures.slash_command(slack.workspace, person, channel, command="/deploy", text="now")
        asked = slack.socket_mode.offer("slash_commands", command, accepts_response=True)
        assert asked.acknowledged.get(timeout=5) == {"text": "deploying now"}
        click = gestures.block_actions(slack.workspace, person, channel, action_id="yes", value="1")
        assert slack.socket_mode.offer("interactive", click).acknowledged.get(timeout=5) == {}
        app.next("listener", "action")
