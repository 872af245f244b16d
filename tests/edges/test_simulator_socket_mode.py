"""The simulated Socket Mode: envelopes to one of many, again until acknowledged, and its ways to say goodbye."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from relay.simulator import gestures
from relay.simulator.mischief import Mischief
from relay.simulator.options import SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from relay.simulator.workspace import Event
from tests.edges.slack_client import Frame, Socket, open_socket_mode
from tests.waiting import until

QUICK = SimulatorOptions(ack_s=0.1, retries_s=(0.0, 0.1, 0.1), socket_life_s=0.4, socket_notice_s=0.2)
EVENT: Event = {"type": "reaction_added", "user": "U1", "reaction": "+1", "event_ts": "1.000001"}


@pytest.fixture
def slack() -> Iterator[SimulatedSlack]:
    with SimulatedSlack(QUICK) as slack:
        yield slack


@pytest.fixture
def socket(slack: SimulatedSlack) -> Iterator[Socket]:
    with open_socket_mode(slack.api_url) as socket:
        assert socket.next()["type"] == "hello"
        yield socket


def inner(envelope: Frame) -> Frame:
    payload = envelope["payload"]
    assert isinstance(payload, dict)
    event = payload["event"]
    assert isinstance(event, dict)
    return event


def event_id(envelope: Frame) -> object:
    payload = envelope["payload"]
    assert isinstance(payload, dict)
    return payload["event_id"]


def test_hello_knows_the_app_and_counts_the_sockets(slack: SimulatedSlack) -> None:
    with open_socket_mode(slack.api_url) as one, open_socket_mode(slack.api_url) as two:
        hello = one.next()
        assert hello["connection_info"] == {"app_id": slack.workspace.app}
        assert hello["num_connections"] == 1
        assert two.next()["num_connections"] == 2


def test_an_event_comes_in_the_envelope_of_the_events_api(slack: SimulatedSlack, socket: Socket) -> None:
    slack.emit(EVENT)
    envelope = socket.next()
    assert (envelope["type"], envelope["retry_attempt"], envelope["retry_reason"]) == ("events_api", 0, "")
    assert envelope["accepts_response_payload"] is False
    payload = envelope["payload"]
    assert isinstance(payload, dict)
    assert payload["event"] == EVENT
    assert (payload["type"], payload["team_id"]) == ("event_callback", slack.workspace.team)
    assert str(payload["event_id"]).startswith("Ev")
    socket.say(envelope_id=envelope["envelope_id"])
    until(slack.socket_mode.envelopes[0].acknowledged.ready)
    assert socket.is_silent(0.3)


def test_each_envelope_goes_to_one_socket() -> None:
    with SimulatedSlack() as slack, open_socket_mode(slack.api_url) as one, open_socket_mode(slack.api_url) as two:
        for socket in (one, two):
            socket.await_type("hello")
        for _ in range(40):
            slack.emit(EVENT)
        shares = [take(socket) for socket in (one, two)]
        assert all(shares)
        assert len(shares[0]) + len(shares[1]) == len({*shares[0], *shares[1]}) == 40


def take(socket: Socket) -> list[object]:
    """The events that came to this socket."""
    taken = []
    try:
        while True:
            taken.append(event_id(socket.next(within_s=0.2)))
    except TimeoutError:
        return taken


def test_an_envelope_that_nobody_acknowledges_comes_again_as_the_schedule_says(
    slack: SimulatedSlack, socket: Socket
) -> None:
    slack.emit(EVENT)
    attempts = [socket.next() for _ in range(4)]
    assert [attempt["retry_attempt"] for attempt in attempts] == [0, 1, 2, 3]
    assert [attempt["retry_reason"] for attempt in attempts] == ["", "timeout", "timeout", "timeout"]
    assert len({str(attempt["envelope_id"]) for attempt in attempts}) == 4
    assert len({event_id(attempt) for attempt in attempts}) == 1
    until(lambda: slack.socket_mode.envelopes[0].given_up)


def test_what_happens_while_no_socket_is_open_comes_later(slack: SimulatedSlack) -> None:
    with open_socket_mode(slack.api_url) as socket:
        socket.await_type("hello")
    until(lambda: not slack.socket_mode.lines)
    slack.emit(EVENT)
    with open_socket_mode(slack.api_url) as socket:
        socket.await_type("hello")
        assert inner(socket.next()) == EVENT


def test_a_message_has_its_channel_type_and_a_mention_comes_twice(slack: SimulatedSlack, socket: Socket) -> None:
    channel = slack.workspace.channels[0]
    text = f"<@{slack.workspace.bot_user}> hello"
    slack.emit({"type": "message", "channel": channel.id, "user": "U1", "text": text, "ts": "1.1", "source_team": "T1"})
    message, mention = inner(socket.next()), inner(socket.next())
    assert (message["type"], message["channel_type"]) == ("message", "channel")
    assert "source_team" not in message
    assert (mention["type"], mention["text"], mention["ts"]) == ("app_mention", text, "1.1")
    assert "channel_type" not in mention


def test_what_only_rtm_has_does_not_come(slack: SimulatedSlack, socket: Socket) -> None:
    slack.emit({"type": "user_typing", "channel": "C1", "user": "U1"})
    slack.emit({"type": "presence_change", "user": "U1", "presence": "away"})
    slack.emit(EVENT)
    assert inner(socket.next()) == EVENT


def test_a_slash_command_takes_an_answer_with_its_acknowledgement(slack: SimulatedSlack, socket: Socket) -> None:
    person, channel = slack.workspace.people[0], slack.workspace.channels[0]
    command = gestures.slash_command(slack.workspace, person, channel, command="/deploy", text="now")
    asked = slack.socket_mode.offer("slash_commands", command, accepts_response=True)
    envelope = socket.next()
    assert (envelope["type"], envelope["accepts_response_payload"]) == ("slash_commands", True)
    assert envelope["payload"] == command
    socket.say(envelope_id=envelope["envelope_id"], payload={"text": "on it"})
    assert asked.acknowledged.get(timeout=5) == {"text": "on it"}


@pytest.mark.parametrize(
    ("reason", "closes"),
    [
        (Mischief.WARNING, False),
        (Mischief.REFRESH_REQUESTED, True),
        (Mischief.LINK_DISABLED, True),
        (Mischief.TOO_MANY_WEBSOCKETS, True),
    ],
)
def test_each_reason_to_disconnect_is_said(
    slack: SimulatedSlack, socket: Socket, reason: Mischief, closes: bool
) -> None:  # fmt: skip
    slack.play(reason)
    said = socket.next()
    assert (said["type"], said["reason"]) == ("disconnect", reason.value)
    if closes:
        socket.end()
    else:
        assert socket.is_silent(0.3)


def test_the_eleventh_socket_is_one_too_many(slack: SimulatedSlack) -> None:
    with ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(open_socket_mode(slack.api_url)).await_type("hello")
        eleventh = stack.enter_context(open_socket_mode(slack.api_url))
        assert eleventh.next()["reason"] == "too_many_websockets"
        eleventh.end()


def test_a_ticket_that_is_no_good_opens_nothing(slack: SimulatedSlack) -> None:
    with Socket(f"ws://127.0.0.1:{slack.port}/link/?ticket=stolen") as socket:
        assert socket.next()["type"] == "disconnect"
        socket.end()


def test_debug_reconnects_makes_a_connection_short(slack: SimulatedSlack) -> None:
    with open_socket_mode(slack.api_url, debug_reconnects="true") as socket:
        hello = socket.next()
        assert hello["debug_info"] == {
            "host": "simulated",
            "build_number": 1,
            "approximate_connection_time": QUICK.socket_life_s,
        }
        assert socket.next()["reason"] == "warning"
        assert socket.next()["reason"] == "refresh_requested"
        socket.end()
