"""The ends of RTM sockets: each is noticed, told, and mended."""

import socket as sockets
import struct
from collections.abc import Callable
from dataclasses import replace

import pytest

from relay.core.ids import ConnectionId
from relay.report import ConnectionChanged, EventsLost
from relay.slack.options import SlackOptions
from tests.edges.scripted_slack import ScriptedSlack, Socket, hello_and_listen
from tests.edges.slack_side import RTM, SlackSide
from tests.servers import RedisServer
from tests.waiting import let_pass, until

MESSAGE = {"type": "message", "channel": "C1", "user": "U1", "text": "hi", "ts": "1355517523.000005"}


def message(number: int) -> dict[str, object]:
    return {**MESSAGE, "ts": f"1355517523.{number:06}"}


def close_plainly(socket: Socket) -> None:
    socket.protocol.send_close(1001, "restart")
    socket.flush()


def reset(socket: Socket) -> None:
    socket.stream.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
    socket.stream.close()


@pytest.mark.parametrize("end", [close_plainly, reset, lambda socket: socket.stream.close()])
def test_a_socket_that_ends_is_replaced_and_the_gap_is_told(redis_url: str, end: Callable[[Socket], None]) -> None:
    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        end(slack.sockets[0])
        state = worker.becomes("reconnecting")
        assert state.error == "closed"
        until(lambda: len(slack.sockets) == 2)
        state = worker.becomes("connected")
        assert state.reconnects == 1
        assert 0.5 < state.offline_s < 2
        slack.sockets[1].say(MESSAGE)
        worker.hears(1)
        [down] = worker.hears(1, "relay.connection_down")
        [up] = worker.hears(1, "relay.connection_up")
        assert (down["connection"], down["error"]) == ("con_default", "closed")
        assert up["seconds"] == state.offline_s
        assert [fact.status for fact in worker.told(ConnectionChanged) if isinstance(fact, ConnectionChanged)] == [
            "connecting",
            "connected",
            "reconnecting",
            "connected",
        ]


@pytest.mark.parametrize("kind", ["goodbye", "team_migration_started"])
def test_an_announced_end_makes_no_gap(redis_url: str, kind: str) -> None:
    """The new socket is up before the old one goes, and the old one is read to its end."""
    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        slack.sockets[0].say({"type": kind})
        until(lambda: len(slack.sockets) == 2)
        until(lambda: slack.sockets[1].heard)
        slack.sockets[0].say(message(1))
        slack.sockets[1].say(message(2))
        assert len(worker.hears(2)) == 2
        until(lambda: (state := worker.state()) and state.reconnects)
        assert worker.becomes("connected").offline_s == 0
        assert worker.events("relay.connection_down") == []


def test_an_expired_address_is_asked_for_anew(redis_url: str) -> None:
    def talk(socket: Socket) -> None:
        if len(slack.sockets) == 1:
            socket.say({"type": "error", "error": {"code": 1, "msg": "Socket URL has expired"}})
            socket.say({})
            socket.listen()
        else:
            hello_and_listen(socket)

    with ScriptedSlack(talk=talk) as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        assert slack.calls["rtm.connect"] == 2


def silent(socket: Socket) -> None:
    socket.say({"type": "hello"})
    socket.listen(answer_pings=False)


def deaf_from_the_start(socket: Socket) -> None:
    socket.listen(answer_pings=False)


def dripping(socket: Socket) -> None:
    """A frame that never ends, a byte at a time; the TCP connection is in the best of health."""
    socket.say({"type": "hello"})
    socket.stream.sendall(b"\x81\x7e\x40\x00")
    say_again_and_again(socket, b"x")


def fragmenting(socket: Socket) -> None:
    """A message that never ends, a fragment at a time."""
    socket.say({"type": "hello"})
    socket.stream.sendall(b"\x01\x01x")
    say_again_and_again(socket, b"\x00\x01x")


def say_again_and_again(socket: Socket, words: bytes) -> None:
    """Whenever something is heard, and after half a second of silence, until the other end leaves."""
    socket.stream.settimeout(0.5)
    heard = b"hello"
    while heard:
        socket.stream.sendall(words)
        try:
            heard = socket.stream.recv(65536)
        except TimeoutError:
            pass  # silence


DEATHS = [silent, deaf_from_the_start, dripping, fragmenting]


def test_a_socket_that_looks_alive_and_says_nothing_is_found_dead(redis_url: str) -> None:
    """After how long, core's tests of the session say. All deaths at once, a connection for each."""
    ways = iter(DEATHS)
    connections = [replace(RTM, id=ConnectionId(f"con_{death.__name__}")) for death in DEATHS]

    def talk(socket: Socket) -> None:
        next(ways, hello_and_listen)(socket)

    with ScriptedSlack(talk=talk) as slack, SlackSide(redis_url, slack.api_url, *connections) as worker:
        until(lambda: len(slack.sockets) == 2 * len(DEATHS), saying="each has a second socket")
        for connection in connections:
            worker.becomes("connected", connection)
        errors = {fact.error for fact in worker.told(ConnectionChanged) if isinstance(fact, ConnectionChanged)}
        assert errors == {"", "silent"}


def test_while_redis_is_away_events_wait_and_none_is_lost(own_redis: RedisServer) -> None:
    with ScriptedSlack() as slack, SlackSide(own_redis.url, slack.api_url) as worker:
        worker.becomes("connected")
        own_redis.kill()
        for number in range(100):
            slack.sockets[0].say(message(number))
        until(lambda: "waiting=100" in repr(worker.inbox))
        own_redis.start()
        assert len(worker.hears(100)) == 100
        assert worker.told(EventsLost) == []
        assert len(slack.sockets) == 1


def test_what_does_not_fit_the_buffer_is_counted_and_told(own_redis: RedisServer) -> None:
    with ScriptedSlack() as slack:
        options = SlackOptions(api_url=slack.api_url, buffer_events=10)
        with SlackSide(own_redis.url, options) as worker:
            worker.becomes("connected")
            own_redis.kill()
            for number in range(25):
                slack.sockets[0].say(message(number))
            until(lambda: sum(fact.events for fact in worker.told(EventsLost) if isinstance(fact, EventsLost)) == 15)
            own_redis.start()
            assert len(worker.hears(10)) == 10


def test_a_redis_outage_does_not_keep_a_connection_from_being_mended(own_redis: RedisServer) -> None:
    with ScriptedSlack() as slack, SlackSide(own_redis.url, slack.api_url) as worker:
        worker.becomes("connected")
        own_redis.kill()
        slack.sockets[0].stream.close()
        until(lambda: len(slack.sockets) == 2)
        slack.sockets[1].say(MESSAGE)
        own_redis.start()
        worker.hears(1)
        worker.becomes("connected")


def test_connections_come_go_and_pause_while_the_worker_runs(redis_url: str) -> None:
    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        second = worker.connections.add(replace(RTM, id=ConnectionId("con_2"), name="two"))
        worker.becomes("connected", second, within_s=1.0)
        paused = worker.connections.change(replace(second, paused=True))
        worker.becomes("stopped", second, within_s=1.0)
        until(lambda: slack.sockets[1].over)
        resumed = worker.connections.change(replace(paused, paused=False))
        worker.becomes("connected", resumed, within_s=1.0)
        worker.connections.remove(resumed.id)
        until(lambda: worker.state(resumed) is None)
        until(lambda: slack.sockets[2].over)
        worker.notices.ask_renewal(RTM.id)
        until(lambda: len(slack.sockets) == 4)
        until(lambda: (state := worker.state()) and state.reconnects == 1)
        assert worker.events("relay.connection_down") == []


def test_a_stop_stores_what_was_heard(redis_url: str) -> None:
    with ScriptedSlack() as slack:
        with SlackSide(redis_url, slack.api_url) as worker:
            worker.becomes("connected")
            for number in range(3000):
                slack.sockets[0].say(message(number))
            until(lambda: "waiting=0" not in repr(worker.inbox), saying="something waits to be stored")
            heard = len(worker.events())
        with SlackSide(redis_url, slack.api_url) as successor:
            assert heard < len(successor.events()) <= 3000


def test_an_idle_worker_leaves_redis_alone(redis_url: str, redis_server: RedisServer) -> None:
    def requests() -> int:
        return int(redis_server.client.info("stats")["total_reads_processed"])

    with ScriptedSlack() as slack, SlackSide(redis_url, slack.api_url) as worker:
        worker.becomes("connected")
        before = requests()
        let_pass(6.0)
        assert requests() - before <= 5  # two beats, one or two waits for notices, and our own question
