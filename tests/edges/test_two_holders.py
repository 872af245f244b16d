"""Two workers: both hold the connection, each event is stored once, and one that stops hands over before it goes."""

from dataclasses import replace

import gevent

from relay.core.connection import Connection
from relay.core.ids import ConnectionId
from tests.edges.scripted_slack import ScriptedSlack
from tests.edges.slack_side import RTM, SlackSide
from tests.waiting import until

TYPING = {"type": "user_typing", "channel": "C1", "user": "U1"}


def message(number: int) -> dict[str, object]:
    return {"type": "message", "channel": "C1", "user": "U1", "text": "hi", "ts": f"1355517523.{number:06}"}


def broadcast(slack: ScriptedSlack, frame: object) -> None:
    for socket in slack.sockets:
        if not socket.over:
            socket.say(frame)


def open_sockets(slack: ScriptedSlack) -> int:
    return sum(not socket.over and bool(socket.heard) for socket in slack.sockets)


def test_both_hold_it_and_each_event_is_stored_once(redis_url: str) -> None:
    with (
        ScriptedSlack() as slack,
        SlackSide(redis_url, slack.api_url) as one,
        SlackSide(redis_url, slack.api_url) as two,
    ):
        until(lambda: open_sockets(slack) == 2)
        for number in range(100):
            broadcast(slack, message(number))
            broadcast(slack, TYPING)
        one.hears(200)
        broadcast(slack, message(1000))
        assert len(two.hears(201)) == 201
        assert len({envelope.event_id for envelope in one.envelopes()}) == 201


def test_while_one_reconnects_the_other_hears_and_there_is_no_gap(redis_url: str) -> None:
    with (
        ScriptedSlack() as slack,
        SlackSide(redis_url, slack.api_url) as one,
        SlackSide(redis_url, slack.api_url),
    ):
        until(lambda: open_sockets(slack) == 2)
        until(lambda: len(one.states.heard_by([RTM.id])[RTM.id]) == 2)
        slack.sockets[0].stream.close()
        slack.sockets[1].say(message(1))
        one.hears(1)
        until(lambda: open_sockets(slack) == 2 and len(slack.sockets) == 3)
        until(lambda: (state := one.state()) and state.reconnects == 1)
        assert one.becomes("connected").offline_s == 0
        assert one.events("relay.connection_down") == []


def test_a_worker_that_stops_goes_when_another_hears(redis_url: str) -> None:
    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url) as one:
        one.becomes("connected")
        with SlackSide(redis_url, slack.api_url) as two:
            until(lambda: len(two.workers.beat()) == 2)
            one.supervisor.stop(10.0)
            until(lambda: slack.sockets[0].over)
            assert open_sockets(slack) == 1
            assert one.events("relay.connection_down") == []
            assert one.becomes("connected").offline_s == 0


def test_a_worker_alone_stops_at_once_and_its_successor_tells_the_gap(redis_url: str) -> None:
    with ScriptedSlack() as slack:
        with SlackSide(redis_url, slack.api_url) as one:
            one.becomes("connected")
            with gevent.Timeout(10):
                one.supervisor.stop(60.0)  # it waits for nobody
        with SlackSide(redis_url, slack.api_url) as two:
            two.becomes("connected")
            [down] = two.hears(1, "relay.connection_down")
            [up] = two.hears(1, "relay.connection_up")
            assert down["error"] == "stopped"
            assert 0 < float(str(up["seconds"])) < 5
            assert two.becomes("connected").offline_s == up["seconds"]


def test_many_connections_are_shared_out_and_all_are_held(redis_url: str) -> None:
    def named(number: int) -> Connection:
        return replace(RTM, id=ConnectionId(f"con_{number}"), token=f"xoxb-{number}", created_at=float(number))

    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url, *map(named, range(12))) as one:
        until(lambda: open_sockets(slack) == 12)
        with SlackSide(redis_url, slack.api_url, named(0)), SlackSide(redis_url, slack.api_url, named(0)):
            until(
                lambda: all(len(heard) >= 2 for heard in one.states.heard_by(map(_id, map(named, range(12)))).values())
            )
            broadcast(slack, message(1))
            one.hears(1)


def _id(connection: Connection) -> ConnectionId:
    return connection.id
