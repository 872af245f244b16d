"""The way back: what is said on a connection reaches Slack, at its pace and within its limits, and is answered."""

import time
from collections.abc import Mapping
from dataclasses import replace

import gevent

from relay.core.connection import Kind
from relay.core.webhook import Json
from relay.store.connections import DEFAULT_SOCKET_MODE
from tests.edges.scripted_slack import Answer, ScriptedSlack, Socket
from tests.edges.slack_side import RTM, SlackSide
from tests.waiting import until

SOCKET_MODE = replace(RTM, id=DEFAULT_SOCKET_MODE, kind=Kind.SOCKET_MODE, token="xapp-1")
MESSAGE: Mapping[str, Json] = {"type": "message", "channel": "C1", "text": "hi"}


def said(socket: Socket, kind: str) -> list[dict[str, object]]:
    return [frame for frame in socket.heard if frame.get("type") == kind]


def answering(socket: Socket) -> None:
    """Acknowledges messages as Slack does: without a type."""
    socket.say({"type": "hello"})
    socket.answer = lambda frame: (
        {"ok": True, "reply_to": frame["id"], "ts": "1.1", "text": frame["text"]}
        if frame.get("type") == "message" and frame["text"] != "bad"
        else {"ok": False, "reply_to": frame["id"], "error": {"code": 2, "msg": "message text is missing"}}
        if frame.get("type") == "message"
        else None
    )
    socket.listen()


def test_a_message_is_said_and_slack_s_answer_comes_back(redis_url: str) -> None:
    with ScriptedSlack(talk=answering) as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        answer = worker.notices.ask(RTM.id, MESSAGE, within_s=5)
        assert answer == {"ok": True, "ts": "1.1", "text": "hi"}
        [frame] = said(slack.sockets[0], "message")
        assert {**MESSAGE, "id": frame["id"]} == frame
        assert worker.events() == []


def test_slack_s_refusal_comes_back_in_its_words(redis_url: str) -> None:
    with ScriptedSlack(talk=answering) as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        answer = worker.notices.ask(RTM.id, {**MESSAGE, "text": "bad"}, within_s=5)
        assert answer == {"ok": False, "error": "refused", "explanation": "message text is missing"}


def test_a_message_with_blocks_goes_by_the_web_api(redis_url: str) -> None:
    posted = Answer(body={"ok": True, "channel": "C1", "ts": "2.2", "message": {}})
    with ScriptedSlack(answers={"chat.postMessage": [posted]}) as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        answer = worker.notices.ask(RTM.id, {**MESSAGE, "blocks": [{"type": "divider"}]}, within_s=5)
        assert answer == {"ok": True, "channel": "C1", "ts": "2.2"}
        [request] = [request for request in slack.requests if b"chat.postMessage" in request]
        assert b"channel=C1&text=hi&blocks=%5B%7B%22type%22%3A%22divider%22%7D%5D" in request


def test_a_socket_mode_connection_posts_with_its_bot_token(redis_url: str) -> None:
    """And without one it says so; typing and presence are RTM's."""
    posted = Answer(body={"ok": True, "channel": "C1", "ts": "2.2"})
    with ScriptedSlack(answers={"chat.postMessage": [posted]}) as slack:
        opened = Answer(body={"ok": True, "url": slack.ticket()["url"]})
        slack.answers["apps.connections.open"] = [opened]
        with SlackSide(redis_url, slack.api_url, SOCKET_MODE) as worker:
            worker.becomes("connected", SOCKET_MODE)
            for frame in (MESSAGE, {"type": "typing", "channel": "C1"}):
                answer = worker.notices.ask(SOCKET_MODE.id, frame, within_s=5)
                assert answer is not None
                assert answer["error"] == "not_supported"
            kept = worker.connections.get(SOCKET_MODE.id)
            assert kept is not None
            worker.connections.change(replace(kept, bot_token="xoxb-voice"))
            said_so = {"ok": True, "channel": "C1", "ts": "2.2"}
            until(lambda: worker.notices.ask(SOCKET_MODE.id, MESSAGE, within_s=5) == said_so)
            [request] = [request for request in slack.requests if b"chat.postMessage" in request]
            assert b"Authorization: Bearer xoxb-voice\r\n" in request
            assert len(slack.sockets) == 1  # nothing was opened anew for it


def test_one_frame_a_second_and_what_can_not_be_said_in_time_is_refused(redis_url: str) -> None:
    with ScriptedSlack(talk=answering) as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        began = time.monotonic()
        asked = [gevent.spawn(worker.notices.ask, RTM.id, MESSAGE, within_s=2.5) for _ in range(6)]
        answers = [each.get() for each in asked]
        granted = [answer for answer in answers if answer and answer["ok"]]
        refused = [answer for answer in answers if answer and not answer["ok"]]
        assert (len(granted), len(refused)) == (3, 3)
        assert {answer["error"] for answer in refused} == {"ratelimited"}
        assert time.monotonic() - began >= 2


def test_a_frame_beyond_slack_s_limit_is_not_sent(redis_url: str) -> None:
    with ScriptedSlack(talk=answering) as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        answer = worker.notices.ask(RTM.id, {**MESSAGE, "text": "🎉" * 4100}, within_s=5)
        assert answer is not None
        assert answer["error"] == "msg_too_long"
        assert said(slack.sockets[0], "message") == []
        answer = worker.notices.ask(RTM.id, {**MESSAGE, "text": "🎉" * 4000}, within_s=5)
        assert answer is not None
        assert answer["ok"] is True


def test_typing_and_questions_about_presence_need_no_answer(redis_url: str) -> None:
    asked: list[dict[str, Json]] = [
        {"type": "typing", "channel": "C1"},
        {"type": "presence_query", "ids": ["U1", "U2"]},
    ]
    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        for frame in asked:
            assert worker.notices.ask(RTM.id, frame, within_s=5) == {"ok": True}
        until(lambda: said(slack.sockets[0], "presence_query"))
        for frame in asked:
            [heard] = said(slack.sockets[0], str(frame["type"]))
            assert heard == {**frame, "id": heard["id"]}


def test_presence_is_asked_for_on_every_new_socket_and_when_it_changes(redis_url: str) -> None:
    wanted = replace(RTM, presence_sub=("U1", "U2"))
    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url, wanted) as worker:
        worker.becomes("connected")
        until(lambda: said(slack.sockets[0], "presence_sub"))
        assert said(slack.sockets[0], "presence_sub")[0]["ids"] == ["U1", "U2"]
        stands = worker.connections.get(RTM.id)
        assert stands is not None
        worker.connections.change(replace(stands, presence_sub=("U3",)))
        until(lambda: len(said(slack.sockets[0], "presence_sub")) == 2)
        assert said(slack.sockets[0], "presence_sub")[1]["ids"] == ["U3"]
        slack.sockets[0].say({"type": "goodbye"})
        until(lambda: len(slack.sockets) == 2 and said(slack.sockets[1], "presence_sub"))
        assert said(slack.sockets[1], "presence_sub")[0]["ids"] == ["U3"]


def test_batches_of_presence_are_asked_for_with_the_socket(redis_url: str) -> None:
    """And a change of that wish opens another."""
    several = {"type": "presence_change", "users": ["U1", "U2"], "presence": "away"}
    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        stands = worker.connections.get(RTM.id)
        assert stands is not None
        worker.connections.change(replace(stands, batch_presence_aware=True))
        until(lambda: len(slack.sockets) == 2)
        plain, batched = [request for request in slack.requests if b"/rtm.connect" in request]
        assert plain.endswith(b"\r\n\r\npresence_sub=1")
        assert batched.endswith(b"\r\n\r\npresence_sub=1&batch_presence_aware=1")
        slack.sockets[1].say(several)
        [event] = worker.hears(1)
        assert {**several, "event_ts": event["event_ts"]} == event


def test_a_wish_while_the_connection_is_down_is_told_so(redis_url: str) -> None:
    failing = {"rtm.connect": [Answer(body={"ok": False, "error": "fatal_error"})]}
    with ScriptedSlack(answers=failing) as slack, SlackSide(redis_url, slack.api_url) as worker:
        until(worker.state)
        answer = worker.notices.ask(RTM.id, MESSAGE, within_s=5)
        assert answer is not None
        assert answer["error"] == "not_connected"


def test_a_wish_that_nobody_can_grant_is_not_waited_for_without_end(redis_url: str) -> None:
    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.connections.remove(RTM.id)
        assert worker.notices.ask(RTM.id, MESSAGE, within_s=0.3) is None


def test_with_two_workers_a_message_is_said_once(redis_url: str) -> None:
    with (
        ScriptedSlack(talk=answering) as slack,
        SlackSide(redis_url, slack.api_url) as worker,
        SlackSide(redis_url, slack.api_url),
    ):
        until(lambda: len(slack.sockets) == 2 and all(socket.heard for socket in slack.sockets))
        for _ in range(3):
            answer = worker.notices.ask(RTM.id, MESSAGE, within_s=5)
            assert answer is not None
            assert answer["ok"] is True
        assert sum(len(said(socket, "message")) for socket in slack.sockets) == 3
