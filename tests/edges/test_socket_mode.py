"""Socket Mode over a real socket: acknowledged after it is stored, renewed without a gap, answered in time."""

import json
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
from websockets.frames import Frame, Opcode

from relay.core.connection import Connection, Kind
from relay.store.connections import DEFAULT_SOCKET_MODE
from tests.edges.scripted_slack import Answer, ScriptedSlack, Socket
from tests.edges.slack_side import SlackSide
from tests.servers import RedisServer
from tests.waiting import until

SOCKET_MODE = Connection(id=DEFAULT_SOCKET_MODE, kind=Kind.SOCKET_MODE, token="xapp-secret", name="default-socket")
HELLO = {"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A1"}}


def greet(socket: Socket) -> None:
    socket.say(HELLO)
    socket.listen()


def script(**answers: list[Answer]) -> ScriptedSlack:
    return ScriptedSlack(talk=greet, answers={"apps.connections.open": [], **answers})


def opening(slack: ScriptedSlack) -> None:
    slack.answers["apps.connections.open"].append(
        Answer(body={"ok": True, "url": f"ws://{slack.address}/socket?ticket=1&app_id=A1"})
    )


def event(number: int, envelope: str = "") -> dict[str, object]:
    payload = {
        "team_id": "T1",
        "event": {"type": "message", "channel": "C1", "ts": f"1.{number}", "event_ts": f"1.{number}"},
        "type": "event_callback",
        "event_id": f"Ev{number}",
        "event_time": 1,
    }
    name = envelope or f"env-{number}"
    return {"envelope_id": name, "type": "events_api", "payload": payload, "accepts_response_payload": False}


def slash(number: int) -> dict[str, object]:
    payload = {"command": "/deploy", "text": "now", "channel_id": "C1", "trigger_id": str(number)}
    name = f"env-{number}"
    return {"envelope_id": name, "type": "slash_commands", "payload": payload, "accepts_response_payload": True}


def acknowledged(socket: Socket) -> list[object]:
    return [frame["envelope_id"] for frame in socket.heard if "envelope_id" in frame]


def test_an_event_is_stored_as_it_is_and_then_acknowledged(redis_url: str) -> None:
    with script() as slack:
        opening(slack)
        with SlackSide(redis_url, slack.api_url, SOCKET_MODE) as worker:
            worker.becomes("connected", SOCKET_MODE)
            slack.sockets[0].say(event(1))
            until(lambda: acknowledged(slack.sockets[0]) == ["env-1"])
            [envelope] = worker.envelopes()
            assert json.loads(envelope.body) == event(1)["payload"]
            assert any(b"Bearer xapp-secret" in request for request in slack.requests)


def test_a_repeat_is_acknowledged_and_stored_once(redis_url: str) -> None:
    with script() as slack:
        opening(slack)
        with SlackSide(redis_url, slack.api_url, SOCKET_MODE) as worker:
            worker.becomes("connected", SOCKET_MODE)
            for envelope in ("a", "b", "c"):
                slack.sockets[0].say(event(1, envelope))
            until(lambda: acknowledged(slack.sockets[0]) == ["a", "b", "c"])
            assert len(worker.envelopes()) == 1


def test_while_redis_is_away_nothing_is_acknowledged(own_redis: RedisServer) -> None:
    with script() as slack:
        opening(slack)
        with SlackSide(own_redis.url, slack.api_url, SOCKET_MODE) as worker:
            worker.becomes("connected", SOCKET_MODE)
            own_redis.kill()
            slack.sockets[0].say(event(1))
            until(lambda: "waiting=1" in repr(worker.inbox))
            assert acknowledged(slack.sockets[0]) == []
            own_redis.start()
            until(lambda: acknowledged(slack.sockets[0]) == ["env-1"])
            assert len(worker.envelopes()) == 1


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
def test_a_refresh_opens_the_new_socket_before_the_old_one_goes(redis_url: str, reason: str) -> None:
    with script() as slack:
        opening(slack)
        with SlackSide(redis_url, slack.api_url, SOCKET_MODE) as worker:
            worker.becomes("connected", SOCKET_MODE)
            slack.sockets[0].say({"type": "disconnect", "reason": reason})
            until(lambda: len(slack.sockets) == 2)
            until(lambda: (state := worker.state(SOCKET_MODE)) and state.reconnects == 1)
            slack.sockets[0].say(event(1))
            slack.sockets[1].say(event(2))
            until(lambda: acknowledged(slack.sockets[0]) == ["env-1"])
            until(lambda: acknowledged(slack.sockets[1]) == ["env-2"])
            until(lambda: slack.sockets[0].over)
            assert worker.becomes("connected", SOCKET_MODE).offline_s == 0


def test_socket_mode_that_is_switched_off_is_a_matter_for_a_person(redis_url: str) -> None:
    with script() as slack:
        opening(slack)
        with SlackSide(redis_url, slack.api_url, SOCKET_MODE) as worker:
            worker.becomes("connected", SOCKET_MODE)
            slack.sockets[0].say({"type": "disconnect", "reason": "link_disabled"})
            state = worker.becomes("failed", SOCKET_MODE)
            assert state.error == "link_disabled"
            assert "Switch it on again" in state.explanation
            worker.notices.ask_renewal(SOCKET_MODE.id)
            worker.becomes("connected", SOCKET_MODE)


def test_too_many_sockets_are_waited_out(redis_url: str) -> None:
    def talk(socket: Socket) -> None:
        socket.say({"type": "disconnect", "reason": "too_many_websockets"})
        socket.listen()

    with script() as slack:
        opening(slack)
        slack.talk = talk
        with SlackSide(redis_url, slack.api_url, SOCKET_MODE) as worker:
            until(lambda: (state := worker.state(SOCKET_MODE)) and state.error == "too_many_websockets")
            worker.becomes("connecting", SOCKET_MODE)


def test_a_wrong_token_is_said_in_slack_s_word(redis_url: str) -> None:
    no = Answer(body={"ok": False, "error": "not_allowed_token_type"})
    wrong = script(**{"apps.connections.open": [no]})
    with wrong as slack, SlackSide(redis_url, slack.api_url, SOCKET_MODE) as worker:
        assert worker.becomes("failed", SOCKET_MODE).error == "not_allowed_token_type"


def test_a_webhook_s_answer_goes_back_with_the_acknowledgement(redis_url: str) -> None:
    with script() as slack:
        opening(slack)
        with SlackSide(redis_url, slack.api_url, SOCKET_MODE) as worker:
            worker.becomes("connected", SOCKET_MODE)
            slack.sockets[0].say(slash(1))
            [envelope] = until(worker.envelopes)
            assert parse_qs(envelope.body.decode())["command"] == ["/deploy"]
            assert worker.notices.answer(envelope.event_id, b'{"text": "deployed"}')
            assert not worker.notices.answer(envelope.event_id, b'{"text": "too late"}')
            until(lambda: slack.sockets[0].heard)
            assert slack.sockets[0].heard == [{"envelope_id": "env-1", "payload": {"text": "deployed"}}]


SLACK_WAITS_S = 3.0
"""For the answer to a slash command; then its user sees a failure."""


def test_without_an_answer_the_acknowledgement_goes_in_time(redis_url: str) -> None:
    with script() as slack:
        opening(slack)
        with SlackSide(redis_url, slack.api_url, SOCKET_MODE) as worker:
            worker.becomes("connected", SOCKET_MODE)
            slack.sockets[0].say(slash(1))
            slack.sockets[0].say({**slash(2), "accepts_response_payload": False})
            until(lambda: acknowledged(slack.sockets[0]) == ["env-2", "env-1"], SLACK_WAITS_S)


def test_nonsense_is_skipped_and_the_connection_goes_on(redis_url: str) -> None:
    with script() as slack:
        opening(slack)
        with SlackSide(redis_url, slack.api_url, SOCKET_MODE) as worker:
            worker.becomes("connected", SOCKET_MODE)
            for nonsense in (b"{}", b"[", b"\xff", {"envelope_id": "e", "type": "events_api"}, {"envelope_id": 7}):
                slack.sockets[0].say(nonsense)
            slack.sockets[0].say({"envelope_id": "new", "type": "invented_later", "payload": {"type": "surprise"}})
            slack.sockets[0].say(event(1))
            until(lambda: "env-1" in acknowledged(slack.sockets[0]))
            assert [envelope.kind for envelope in worker.envelopes()] == ["surprise", "message"]
            assert len(slack.sockets) == 1


def test_large_and_fragmented_envelopes_arrive_and_are_acknowledged(redis_url: str) -> None:
    with script() as slack:
        opening(slack)
        with SlackSide(redis_url, slack.api_url, SOCKET_MODE) as worker:
            worker.becomes("connected", SOCKET_MODE)
            [socket] = slack.sockets
            large = event(1)
            large["payload"] = {**large["payload"], "more": "x" * 5_000_000}  # type: ignore[dict-item]  # it is an object
            socket.say(large)
            text = json.dumps(event(2)).encode()
            for place in range(0, len(text), 50):
                opcode = Opcode.CONT if place else Opcode.TEXT
                socket.protocol.send_frame(Frame(opcode, text[place : place + 50], place + 50 >= len(text)))
                socket.flush()
            until(lambda: acknowledged(socket) == ["env-1", "env-2"])
            assert len(worker.events()) == 2


def test_a_socket_that_breaks_is_mended(redis_url: str) -> None:
    with script() as slack:
        opening(slack)
        with SlackSide(redis_url, slack.api_url, replace(SOCKET_MODE, name="x")) as worker:
            worker.becomes("connected", SOCKET_MODE)
            slack.sockets[0].stream.close()
            until(lambda: len(slack.sockets) == 2)
            slack.sockets[1].say(event(1))
            until(lambda: acknowledged(slack.sockets[1]) == ["env-1"])
