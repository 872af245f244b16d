"""The simulated RTM socket, frame by frame, as slack-wire describes Slack's."""

import json
from collections.abc import Iterator

import pytest

from relay.core.webhook import Json
from relay.simulator.options import BOT_TOKEN, SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from relay.simulator.workspace import Event
from tests.edges.slack_client import Socket, call, open_rtm
from tests.waiting import until

EVENT: Event = {"type": "reaction_added", "user": "U1", "reaction": "+1", "event_ts": "1.000001"}


@pytest.fixture
def slack() -> Iterator[SimulatedSlack]:
    with SimulatedSlack() as slack:
        yield slack


@pytest.fixture
def socket(slack: SimulatedSlack) -> Iterator[Socket]:
    with open_rtm(slack.api_url) as socket:
        socket.await_type("hello")
        yield socket


def test_hello_comes_first(slack: SimulatedSlack) -> None:
    with open_rtm(slack.api_url) as socket:
        assert socket.next()["type"] == "hello"


def test_a_url_opens_one_socket_once(slack: SimulatedSlack) -> None:
    url = str(call(slack.api_url, "rtm.connect").json["url"])
    with Socket(url) as first, Socket(url) as second:
        assert first.next()["type"] == "hello"
        assert second.next() == {"type": "error", "error": {"code": 1, "msg": "Socket URL has expired"}}
        assert second.next() == {}
        second.end()


def test_a_url_that_is_used_late_has_expired() -> None:
    with SimulatedSlack(SimulatorOptions(url_life_s=0)) as slack, open_rtm(slack.api_url) as socket:
        assert socket.next()["type"] == "error"


def test_what_happens_between_the_call_and_the_socket_follows_hello(slack: SimulatedSlack) -> None:
    url = str(call(slack.api_url, "rtm.connect").json["url"])
    slack.emit(EVENT)
    with Socket(url) as socket:
        assert socket.next()["type"] == "hello"
        assert socket.next() == EVENT


def test_every_connection_gets_every_event(slack: SimulatedSlack) -> None:
    with open_rtm(slack.api_url) as one, open_rtm(slack.api_url) as another:
        until(lambda: len(slack.rtm.connections) == 2)
        slack.emit(EVENT)
        assert one.await_type("reaction_added") == another.await_type("reaction_added") == EVENT
    until(lambda: not slack.rtm.connections)


def test_a_pong_echoes_all_flat_extras(socket: Socket) -> None:
    socket.say(id=7, type="ping", time=1.5, mine="yes", nothing=None, flag=True, deep={"no": 1}, list=[1])
    assert socket.next() == {
        "type": "pong",
        "reply_to": 7,
        "time": 1.5,
        "mine": "yes",
        "nothing": None,
        "flag": True,
    }


def test_websocket_pings_are_answered_too(socket: Socket) -> None:
    socket.bare.ping(b"there?")
    socket.say(id=1, type="ping")
    assert socket.next()["type"] == "pong"
    assert socket.bare.pongs == [b"there?"]


def test_a_message_is_acknowledged_and_becomes_an_event_for_everybody(slack: SimulatedSlack, socket: Socket) -> None:
    channel = slack.workspace.channels[0].id
    with open_rtm(slack.api_url) as other:
        other.await_type("hello")
        socket.say(id=1, type="message", channel=channel, text="hi <there>", thread_ts="1.1")
        acknowledgement = socket.await_key("reply_to", 1)
        assert "type" not in acknowledgement
        assert acknowledgement == {"ok": True, "reply_to": 1, "ts": acknowledgement["ts"], "text": "hi <there>"}
        echo = other.await_type("message")
        assert (echo["ts"], echo["thread_ts"], echo["user"]) == (
            acknowledgement["ts"],
            "1.1",
            slack.workspace.bot_user,
        )
        assert socket.await_type("message") == echo


def test_the_last_reply_is_said_again_on_the_next_connection(slack: SimulatedSlack) -> None:
    with open_rtm(slack.api_url) as socket:
        socket.say(id=9, type="message", channel=slack.workspace.channels[0].id, text="hi")
        socket.await_key("reply_to", 9)
    with open_rtm(slack.api_url) as socket:
        socket.await_type("hello")
        replayed = socket.next()
        assert (replayed["type"], replayed["reply_to"], replayed["text"]) == ("message", 9, "hi")
    with open_rtm(slack.api_url) as socket:
        socket.await_type("hello")
        socket.say(id=1, type="ping")
        assert socket.next()["type"] == "pong"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"channel": "C0"}, 2),
        ({"channel": "C0", "text": ""}, 2),
        ({"channel": "C0", "text": {"a": 1}}, 2),
        ({"channel": "C0", "text": "to nowhere"}, 3),
    ],
)
def test_a_wrong_message_is_told_so(socket: Socket, said: dict[str, Json], code: int) -> None:
    socket.say(id=3, type="message", **said)
    reply = socket.next()
    assert (reply["ok"], reply["reply_to"]) == (False, 3)
    assert isinstance(reply["error"], dict)
    assert reply["error"]["code"] == code


def test_too_many_messages_are_told_to_slow_down_then_cut_off(slack: SimulatedSlack, socket: Socket) -> None:
    for number in range(40):
        socket.say(id=number, type="message", channel=slack.workspace.channels[0].id, text="spam")
    slow_down = socket.await_key("ok", False)
    assert slow_down["error"] == {"code": -1, "msg": "slow down, too many messages..."}
    socket.end()
    until(lambda: not slack.rtm.connections)


def test_a_frame_over_16_kb_ends_the_connection(slack: SimulatedSlack, socket: Socket) -> None:
    socket.say(id=1, type="message", channel=slack.workspace.channels[0].id, text="x" * 16_384)
    socket.end()
    assert slack.emitted_count == 0


@pytest.mark.parametrize("frame", ["", "nonsense", "[]", "7", "{}", '{"type":"unheard_of"}', b"\x00\xff", "null"])
def test_frames_that_mean_nothing_are_overlooked(socket: Socket, frame: str | bytes) -> None:
    socket.bare.send(frame)
    socket.say(id=1, type="ping")
    assert socket.next() == {"type": "pong", "reply_to": 1}


def test_typing_is_seen_by_everybody(slack: SimulatedSlack, socket: Socket) -> None:
    channel = slack.workspace.channels[0].id
    socket.say(id=1, type="typing", channel=channel)
    assert socket.next() == {"type": "user_typing", "channel": channel, "user": slack.workspace.bot_user}


def presence(user: str, state: str) -> Event:
    return {"type": "presence_change", "user": user, "presence": state}


def test_presence_comes_by_subscription_and_each_list_replaces_the_last(slack: SimulatedSlack, socket: Socket) -> None:
    one, two, three = (person.id for person in slack.workspace.people[:3])
    slack.emit(presence(one, "away"))
    socket.say(type="presence_sub", ids=[one, two])
    assert [socket.next(), socket.next()] == sorted(
        [presence(one, "away"), presence(two, "active")], key=lambda event: str(event["user"])
    )
    socket.say(type="presence_sub", ids=[two])
    assert socket.next() == presence(two, "active")
    slack.emit(presence(one, "active"))
    slack.emit(presence(three, "away"))
    slack.emit(presence(two, "away"))
    assert socket.next() == presence(two, "away")


def test_presence_can_be_asked_for_once(slack: SimulatedSlack, socket: Socket) -> None:
    socket.say(type="presence_query", ids=[slack.workspace.bot_user])
    assert socket.next() == presence(slack.workspace.bot_user, "active")  # while it is connected


def test_who_wants_batches_gets_lists(slack: SimulatedSlack) -> None:
    one, two = sorted(person.id for person in slack.workspace.people[:2])
    with open_rtm(slack.api_url, batch_presence_aware="1") as socket:
        socket.await_type("hello")
        socket.say(type="presence_sub", ids=[two, one])
        assert socket.next() == {"type": "presence_change", "users": [one, two], "presence": "active"}
        slack.emit(presence(one, "away"))
        assert socket.next() == {"type": "presence_change", "users": [one], "presence": "away"}


def test_who_does_not_subscribe_gets_all_presence(slack: SimulatedSlack) -> None:
    with open_rtm(slack.api_url, presence_sub="0") as socket:
        socket.await_type("hello")
        until(lambda: slack.rtm.connections)
        slack.emit(presence("U1", "away"))
        assert socket.next() == presence("U1", "away")


def test_compression_is_agreed_on_only_when_switched_on(slack: SimulatedSlack) -> None:
    with open_rtm(slack.api_url) as socket:
        assert not socket.bare.protocol.extensions
    with SimulatedSlack(SimulatorOptions(compress=True)) as packed, open_rtm(packed.api_url) as socket:
        assert socket.bare.protocol.extensions
        assert socket.next()["type"] == "hello"


def test_a_stopped_slack_can_be_started_again() -> None:
    with SimulatedSlack(SimulatorOptions(bot_tokens=(BOT_TOKEN,))) as slack:
        with open_rtm(slack.api_url) as socket:
            socket.await_type("hello")
            slack.stop(within_s=0.2)
            rcvd = socket.end().rcvd
            assert rcvd is not None
            assert rcvd.code == 1001
        slack.start()
        with open_rtm(slack.api_url) as socket:
            assert socket.next()["type"] == "hello"


def test_it_can_push_faster_than_any_workspace() -> None:
    """The load source of other tests: 5,000 events a second and more on one core, here with its client beside it."""
    with SimulatedSlack() as slack, open_rtm(slack.api_url) as socket:
        socket.await_type("hello")
        text = json.dumps({"type": "done"})
        for _ in range(5000):
            slack.happen()
        slack.emit({"type": "done"})
        wanted = 5000 - sum(event.get("type") == "presence_change" for event in slack.emitted)
        received = 0
        while json.loads(socket.bare.recv(timeout=5)) != json.loads(text):
            received += 1
        assert received == wanted
