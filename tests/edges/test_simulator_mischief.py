"""What the simulated Slack does to its clients when it is told to, by Python and by its remote control."""

import json
import socket as sockets
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from websockets.exceptions import InvalidStatus
from websockets.frames import Close

from relay.simulator import control, faults
from relay.simulator.mischief import DISCONNECTS, HUGE_BYTES, Mischief
from relay.simulator.options import SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from tests.edges.raw import connected
from tests.edges.slack_client import Socket, ask, call, open_rtm, open_socket_mode, tell
from tests.waiting import until


@pytest.fixture
def slack() -> Iterator[SimulatedSlack]:
    with SimulatedSlack() as slack:
        yield slack


@pytest.fixture
def socket(slack: SimulatedSlack) -> Iterator[Socket]:
    with open_rtm(slack.api_url) as socket:
        socket.await_type("hello")
        until(lambda: slack.lines)
        yield socket


def test_silence_says_nothing_answers_nothing_and_stays(slack: SimulatedSlack, socket: Socket) -> None:
    slack.play(Mischief.SILENCE)
    socket.say(id=1, type="ping")
    socket.bare.ping(b"there?")
    slack.happen()
    assert socket.is_silent(0.3)
    assert socket.bare.pongs == []
    assert len(slack.rtm.connections) == 1


def test_a_silence_can_end(slack: SimulatedSlack, socket: Socket) -> None:
    slack.play(Mischief.SILENCE)
    socket.say(id=1, type="ping")
    assert socket.is_silent(0.1)
    slack.play(Mischief.SPEAK)
    assert socket.next() == {"type": "pong", "reply_to": 1}


def test_a_silent_slack_stops_in_time(slack: SimulatedSlack, socket: Socket) -> None:
    slack.play(Mischief.SILENCE)
    with gevent.Timeout(1):
        slack.stop()


def test_one_of_two_can_fall_silent(slack: SimulatedSlack, socket: Socket) -> None:
    with open_rtm(slack.api_url) as other:
        other.await_type("hello")
        until(lambda: len(slack.lines) == 2)
        slack.play(Mischief.SILENCE, slack.lines[:1])
        slack.emit({"type": "x"})
        assert other.next() == {"type": "x"}
        assert socket.is_silent(0.1)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Mischief.NOT_JSON, "<!DOCTYPE html><html>"),
        (Mischief.EMPTY_OBJECT, "{}"),
        (Mischief.EMPTY, ""),
        (Mischief.BINARY, b"\x00\xff\xfe"),
        (Mischief.TRAILING_NUL, '{"type":"reconnect_url"}\0'),
        (Mischief.GOODBYE, '{"type":"goodbye","source":"gateway_server"}'),
    ],
)
def test_odd_frames_come_and_the_connection_lives_on(
    slack: SimulatedSlack, socket: Socket, kind: Mischief, message: str | bytes
) -> None:
    slack.play(kind)
    assert socket.bare.recv(timeout=5) == message
    socket.say(id=1, type="ping")
    assert socket.next()["type"] == "pong"


def test_an_unknown_type_comes(slack: SimulatedSlack, socket: Socket) -> None:
    slack.play(Mischief.UNKNOWN_TYPE)
    assert socket.next()["type"] == "something_that_nobody_documented"


def test_a_huge_frame_comes_whole(slack: SimulatedSlack, socket: Socket) -> None:
    slack.play(Mischief.HUGE)
    assert len(str(socket.next()["text"])) == HUGE_BYTES


def test_a_fragmented_frame_comes_whole(slack: SimulatedSlack, socket: Socket) -> None:
    slack.play(Mischief.FRAGMENTED)
    assert "type" in socket.next()


def test_a_frame_that_drips_comes_whole_in_the_end() -> None:
    with SimulatedSlack(SimulatorOptions(drip_s=0.0001)) as slack, open_rtm(slack.api_url) as socket:
        socket.await_type("hello")
        until(lambda: slack.lines)
        slack.play(Mischief.DRIP)
        until(lambda: not slack.lines[0].speaks)
        slack.emit({"type": "between"})  # is lost: the line is busy
        assert socket.next()["type"] != "between"
        until(lambda: slack.lines[0].speaks)


def test_a_drip_ends_with_its_slack() -> None:
    with SimulatedSlack() as slack, open_rtm(slack.api_url) as socket:
        socket.await_type("hello")
        until(lambda: slack.lines)
        slack.play(Mischief.DRIP)
        until(lambda: not slack.lines[0].speaks)


def test_compression_that_nobody_agreed_on_breaks_the_protocol(slack: SimulatedSlack, socket: Socket) -> None:
    slack.play(Mischief.UNAGREED_COMPRESSION)
    sent = socket.end().sent
    assert sent is not None
    assert sent.code == 1002


def test_a_reset_is_a_reset(slack: SimulatedSlack, socket: Socket) -> None:
    slack.play(Mischief.RESET)
    ended = socket.end()
    assert (ended.rcvd, ended.sent) == (None, None)
    assert not slack.lines or until(lambda: not slack.lines)


def test_a_half_close_is_an_end_without_a_word(slack: SimulatedSlack, socket: Socket) -> None:
    slack.play(Mischief.HALF_CLOSE)
    assert socket.end().rcvd is None


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Mischief.CLOSE, None),
        (Mischief.GOODBYE_AND_CLOSE, "goodbye"),
        (Mischief.MIGRATION, "team_migration_started"),
    ],
)
def test_closes_come_with_their_word(slack: SimulatedSlack, socket: Socket, kind: Mischief, said: str | None) -> None:
    slack.play(kind)
    if said is not None:
        assert socket.next()["type"] == said
    assert socket.end().rcvd == Close(1000, "")


@pytest.mark.parametrize("kind", [kind for kind in Mischief if kind is not Mischief.DRIP])
def test_every_mischief_can_be_done_to_both_kinds_of_sockets(slack: SimulatedSlack, kind: Mischief) -> None:
    with open_socket_mode(slack.api_url) as app, open_rtm(slack.api_url) as bot:
        app.await_type("hello")
        bot.await_type("hello")
        until(lambda: len(slack.lines) == 2)
        lines = slack.socket_mode.lines if kind in DISCONNECTS else slack.lines
        slack.play(kind, lines)
        assert call(slack.api_url, "auth.test").json["ok"] is True


@pytest.mark.parametrize("status", [404, 408, 503])
def test_an_upgrade_can_fail(slack: SimulatedSlack, status: int) -> None:
    slack.faults.plan(faults.UPGRADE, faults.html(status))
    with pytest.raises(InvalidStatus) as refused:
        open_rtm(slack.api_url)
    assert refused.value.response.status_code == status
    with open_rtm(slack.api_url) as socket:
        assert socket.next()["type"] == "hello"


def test_urls_can_expire_at_once(slack: SimulatedSlack) -> None:
    url = str(call(slack.api_url, "rtm.connect").json["url"])
    assert tell(slack.api_url, "expire").status == 200
    with Socket(url) as socket:
        assert socket.next()["type"] == "error"


def test_the_remote_control_shows_what_is_open(slack: SimulatedSlack, socket: Socket) -> None:
    slack.emit({"type": "x"})
    shown = ask(f"http://127.0.0.1:{slack.port}/control").json
    assert (shown["rtm_connections"], shown["socket_mode_connections"], shown["emitted"]) == (1, 0, 1)
    assert ask(f"http://127.0.0.1:{slack.port}/control/emitted?last=5").json == {"events": [{"type": "x"}]}


def test_the_remote_control_sends_events(slack: SimulatedSlack, socket: Socket) -> None:
    assert tell(slack.api_url, "events", type="x", deep={"y": [1]}).status == 200
    assert socket.next() == {"type": "x", "deep": {"y": [1]}}


def test_the_remote_control_sets_the_rate(slack: SimulatedSlack, socket: Socket) -> None:
    tell(slack.api_url, "rate", rate=500)
    until(lambda: slack.emitted_count > 20)
    tell(slack.api_url, "rate", rate=0)
    count = slack.emitted_count
    assert socket.next()
    assert slack.emitted_count == count


def test_the_remote_control_plays(slack: SimulatedSlack, socket: Socket) -> None:
    assert tell(slack.api_url, "mischief", kind="goodbye", sockets="socket_mode").json == {"sockets": 0}
    assert tell(slack.api_url, "mischief", kind="goodbye", sockets="rtm").json == {"sockets": 1}
    assert socket.next()["type"] == "goodbye"


def test_the_remote_control_plans_faults_and_forgets_them(slack: SimulatedSlack) -> None:
    tell(slack.api_url, "faults", method="auth.test", times=9, status=502, body="bad gateway")
    assert call(slack.api_url, "auth.test").status == 502
    assert ask(f"http://127.0.0.1:{slack.port}/control/faults", verb="DELETE").status == 200
    assert call(slack.api_url, "auth.test").status == 200


def test_the_remote_control_limits_connects(slack: SimulatedSlack) -> None:
    tell(slack.api_url, "quota", connects_per_minute=0)
    assert call(slack.api_url, "rtm.connect").status == 429
    tell(slack.api_url, "quota", connects_per_minute=None)
    assert call(slack.api_url, "rtm.connect").status == 200


@pytest.mark.parametrize(
    ("order", "said", "kind"),
    [
        ("commands", {"command": "/deploy", "text": "now"}, "slash_commands"),
        ("clicks", {"action_id": "yes", "value": "1"}, "interactive"),
    ],
)
def test_the_remote_control_makes_gestures(slack: SimulatedSlack, order: str, said: dict[str, str], kind: str) -> None:
    with open_socket_mode(slack.api_url) as socket:
        socket.await_type("hello")
        asking = gevent.spawn(tell, slack.api_url, order, **said)
        envelope = socket.next()
        assert envelope["type"] == kind
        socket.say(envelope_id=envelope["envelope_id"], payload={"text": "yes"})
        assert asking.get().json == {"payload": {"text": "yes"}, "attempts": 1}


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("rate", {"rate": -1}),
        ("rate", {}),
        ("rate", {"rate": 1, "burst": 2}),
        ("mischief", {"kind": "arson"}),
        ("faults", {"method": "auth.test", "times": 0}),
        ("quota", {"connects_per_minute": "many"}),
    ],
)
def test_orders_that_make_no_sense_are_refused(slack: SimulatedSlack, order: str, said: dict[str, int]) -> None:
    assert tell(slack.api_url, order, **said).status == 400


def test_a_client_that_never_reads_does_not_hold_up_the_others() -> None:
    with SimulatedSlack(SimulatorOptions(rate=200)) as slack:
        url = str(call(slack.api_url, "rtm.connect").json["url"]).removeprefix(f"ws://127.0.0.1:{slack.port}")
        upgrade = (
            f"GET {url} HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        with connected(slack.port, upgrade.encode()) as deaf, open_rtm(slack.api_url) as socket:
            deaf.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 1024)
            until(lambda: len(slack.rtm.connections) == 2)
            frames = [json.loads(socket.bare.recv(timeout=5)) for _ in range(100)]
            assert len(frames) == 100


def test_the_docs_know_every_mischief_and_every_order() -> None:
    page = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()
    orders = [line.split("|")[1].strip() for line in str(control.__doc__).splitlines() if line.startswith("| `")]
    assert len(orders) == 11
    assert [order for order in orders if order not in page] == []
    assert [kind.value for kind in Mischief if f"`{kind.value}`" not in page] == []
