"""RTM over a real socket: whatever Slack sends, events arrive once and nothing stops the connection."""

import json
from collections.abc import Mapping, Sequence

import pytest
from websockets.frames import Frame, Opcode

from relay.slack.facts import FramesSkipped
from tests.edges.scripted_slack import ScriptedSlack, Socket, hello_and_listen
from tests.edges.slack_side import SlackSide
from tests.waiting import until

MESSAGE = {"type": "message", "channel": "C1", "user": "U1", "text": "hi", "ts": "1355517523.000005"}


def message(number: int, text: str = "hi") -> dict[str, object]:
    return {**MESSAGE, "text": text, "ts": f"1355517523.{number:06}"}


def texts(events: Sequence[Mapping[str, object]]) -> list[object]:
    return [event["text"] for event in events]


def test_an_event_becomes_an_envelope_in_the_journal_with_what_rtm_lacks(redis_url: str) -> None:
    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url) as worker:
        state = worker.becomes("connected")
        assert (state.team, state.bot_user, state.error) == ("T1", "UBOT", "")
        slack.sockets[0].say({**MESSAGE, "text": "hi <@UBOT>"})
        worker.hears(2)
        message, mention = worker.envelopes()
        assert (message.kind, mention.kind) == ("message", "app_mention")
        assert message.connection == "con_default"
        body = json.loads(message.body)
        assert (body["team_id"], body["api_app_id"]) == ("T1", "A1")
        assert body["event"] == {**MESSAGE, "text": "hi <@UBOT>", "event_ts": MESSAGE["ts"]}


def test_frames_that_come_with_the_handshake_are_not_lost(redis_url: str) -> None:
    def talk(socket: Socket) -> None:
        for frame in ({"type": "hello"}, message(1), message(2)):
            socket.protocol.send_text(json.dumps(frame).encode())
        socket.flush()
        socket.listen()

    with ScriptedSlack(talk=talk) as slack, SlackSide(redis_url, slack.api_url) as worker:
        assert len(worker.hears(2)) == 2


def test_a_server_without_hello_will_do(redis_url: str) -> None:
    with ScriptedSlack(talk=lambda socket: socket.listen()) as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        slack.sockets[0].say(MESSAGE)
        worker.hears(1)


def test_nonsense_between_events_is_skipped_and_told(redis_url: str) -> None:
    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        [socket] = slack.sockets
        for nonsense in (b"", b"{}", b"[1]", b"{", b"\xff\xfe", b"\0", b"[" * 100_000, b'{"type": {"no": "text"}}'):
            socket.say(nonsense)
        socket.protocol.send_binary(b"\0\1\2")
        socket.protocol.send_ping(b"are you there")
        socket.say(json.dumps(message(1)).encode() + b"\0")
        socket.say({"type": "a_type_that_nobody_knows", "event_ts": "1.1"})
        assert [event["type"] for event in worker.hears(2)] == ["message", "a_type_that_nobody_knows"]
        assert worker.told(FramesSkipped)
        assert len(slack.sockets) == 1


def test_control_frames_and_replies_never_become_events(redis_url: str) -> None:
    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        [socket] = slack.sockets
        for kind in ("hello", "pong", "reconnect_url", "error"):
            socket.say({"type": kind, "event_ts": "1.1"})
        socket.say({**MESSAGE, "reply_to": 1})
        socket.say({"ok": True, "reply_to": 1, "ts": "1.1", "text": "x"})
        socket.say(message(2, "the only one"))
        assert texts(worker.hears(1)) == ["the only one"]


def test_large_compressed_and_fragmented_frames_arrive(redis_url: str) -> None:
    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        [socket] = slack.sockets
        large = "x" * 5_000_000
        socket.say(message(1, large))
        parts = json.dumps(message(2, "in parts é")).encode()
        for place in range(0, len(parts), 7):
            last = place + 7 >= len(parts)
            opcode = Opcode.CONT if place else Opcode.TEXT
            socket.protocol.send_frame(Frame(opcode, parts[place : place + 7], last))
            socket.protocol.send_ping(b"")  # control frames may come between
            socket.flush()
        assert texts(worker.hears(2)) == [large, "in parts é"]
        assert len(slack.sockets) == 1


def test_a_frame_beyond_all_measure_costs_the_socket_but_not_the_connection(redis_url: str) -> None:
    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        slack.sockets[0].stream.sendall(b"\x81\x7f" + (1 << 40).to_bytes(8) + b"x" * 100)
        until(lambda: len(slack.sockets) == 2)
        worker.becomes("connected")
        slack.sockets[1].say(MESSAGE)
        worker.hears(1)


def test_the_same_frame_on_a_second_socket_is_one_event(redis_url: str) -> None:
    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        slack.sockets[0].say({"type": "goodbye"})
        until(lambda: len(slack.sockets) == 2)
        typing = {"type": "user_typing", "channel": "C1", "user": "U1"}
        until(lambda: slack.sockets[1].heard)  # its ping: it is up, and the other is let go soon
        for socket in slack.sockets:
            socket.say(message(1))
            socket.say(typing)
            socket.say({**reversed_(message(2))})
            socket.say(typing)
        slack.sockets[1].say(message(3, "last"))
        events = worker.hears(5)
        assert [event["type"] for event in events].count("user_typing") == 2
        assert texts(worker.events("message")) == ["hi", "hi", "last"]


def reversed_(event: dict[str, object]) -> dict[str, object]:
    return dict(reversed(event.items()))


def test_typing_has_a_time_and_its_repetitions_are_kept(redis_url: str) -> None:
    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        for _ in range(3):
            slack.sockets[0].say({"type": "user_typing", "channel": "C1", "user": "U1"})
        stamps = [event["event_ts"] for event in worker.hears(3)]
        assert len(set(stamps)) == 3
        assert stamps == sorted(map(str, stamps))


def test_events_with_and_without_a_time_stay_in_order_though_one_read_brings_them(redis_url: str) -> None:
    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        typing = {"type": "user_typing", "channel": "C1", "user": "U1"}
        frames = [message(1), typing, message(2, "hi <@UBOT>"), {"type": "goodbye"}, typing, typing, message(3)]
        for frame in frames:
            slack.sockets[0].protocol.send_text(json.dumps(frame).encode())
        slack.sockets[0].flush()
        kinds = ["message", "user_typing", "message", "app_mention", "user_typing", "user_typing", "message"]
        assert [event["type"] for event in worker.hears(7)] == kinds


def test_what_comes_behind_an_expired_address_in_one_read_is_no_event(redis_url: str) -> None:
    expired = {"type": "error", "error": {"code": 1, "msg": "Socket URL has expired"}}
    ways = iter([[expired, message(1, "too late")]])

    def talk(socket: Socket) -> None:
        for frame in next(ways, [{"type": "hello"}, message(2, "heard")]):
            socket.protocol.send_text(json.dumps(frame).encode())
        socket.flush()
        socket.listen()

    with ScriptedSlack(talk=talk) as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        assert texts(worker.hears(1)) == ["heard"]


@pytest.mark.parametrize("count", [2000])
def test_a_burst_arrives_whole_and_in_order(redis_url: str, count: int) -> None:
    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        socket = slack.sockets[0]
        for number in range(count):
            socket.protocol.send_text(json.dumps(message(number, str(number))).encode())
        socket.flush()
        assert texts(worker.hears(count)) == [str(number) for number in range(count)]


def test_it_pings_at_once_and_answers_pings(redis_url: str) -> None:
    with ScriptedSlack(talk=hello_and_listen) as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        until(lambda: slack.sockets[0].heard)
        assert slack.sockets[0].heard[0]["type"] == "ping"
