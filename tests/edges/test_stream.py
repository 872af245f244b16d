"""/v1/stream: what happens, as it happens, to whoever may see it, and at nobody's expense."""

import json
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from relay.admin import stream
from relay.core import metrics
from relay.core.webhook import Json
from relay.store.keys import Keys
from tests.edges.desk import TOKEN, Desk, open_desk
from tests.edges.engine import running
from tests.edges.websocket_client import WebSocketClient
from tests.receivers import Answer, Receiver
from tests.servers import RedisServer
from tests.store.filled import envelope, webhook
from tests.waiting import PATIENCE_S, until


@pytest.fixture
def desk(redis_url: str) -> Iterator[Desk]:
    with open_desk(redis_url) as desk:
        yield desk


class Watcher(WebSocketClient):
    """What comes after the greeting."""

    def __init__(self, desk: Desk, query: str = "", *, token: str = TOKEN, **more: str) -> None:
        url = desk.url.replace("http", "ws") + "/v1/stream" + (f"?{query}" if query else "")
        super().__init__(url, headers={"Authorization": f"Bearer {token}"}, **more)
        self.greeting = self.frame()
        assert self.greeting["type"] == "hello"

    def frame(self, within_s: float = PATIENCE_S) -> dict[str, Json]:
        frame = json.loads(self.recv(within_s))
        assert isinstance(frame, dict)
        return frame

    def told(self, count: int) -> list[str]:
        """The names of the next `count` events and outcomes."""
        return [_name(self.frame()) for _ in range(count)]


def _name(frame: dict[str, Json]) -> str:
    match frame:
        case {"type": "event", "event": {"id": str(id)}}:
            return id
        case {"type": "outcome", "outcome": {"event": str(id), "result": str(result)}}:
            return f"{id} {result}"
    return str(frame["type"])


def test_events_come_as_they_are_appended_with_the_bytes_that_are_sent(desk: Desk) -> None:
    with Watcher(desk) as watcher:
        desk.store.journal.append([envelope("Ev1", body=b'{"event":{"text":"h\\u00e9"}}')])
        frame = watcher.frame()
    assert frame["type"] == "event"
    assert frame["event"] == {
        "id": "Ev1",
        "type": "message",
        "channel": "C1",
        "connection": "con_1",
        "received_at": "2023-11-14T22:13:20.500Z",
        "media": "application/json",
    }
    assert frame["envelope"] == {"event": {"text": "hé"}}


def test_outcomes_come_beside_them(desk: Desk, redis_url: str) -> None:
    with running(redis_url) as engine, Receiver(lambda got: Answer(503)) as receiver, Watcher(desk) as watcher:
        engine.webhooks.add(webhook("wh_1", url=receiver.url + "secret?token=1"))
        engine.append("Ev1")
        frames = [watcher.frame(), watcher.frame()]
    outcome = frames[1]["outcome"]
    assert isinstance(outcome, dict)
    assert [_name(frame) for frame in frames] == ["Ev1", "Ev1 503"]
    assert (outcome["webhook"], outcome["event_type"], outcome["verdict"]) == ("wh_1", "message", "again")
    assert outcome["attempt"] == 1
    assert str(outcome["at"]).endswith("Z")
    assert "secret" not in json.dumps(outcome)


def test_without_a_watcher_nothing_is_kept_of_outcomes(desk: Desk, redis_url: str, redis_server: RedisServer) -> None:
    with running(redis_url) as engine, Receiver() as receiver:
        engine.webhooks.add(webhook("wh_1", url=receiver.url))
        engine.append("Ev1")
        until(lambda: engine.settled(1))
        assert not redis_server.client.exists(Keys(0)("outcomes"))
        with Watcher(desk) as watcher:
            engine.append("Ev2")
            watcher.told(2)
        until(lambda: engine.settled(2))
        assert redis_server.client.xlen(Keys(0)("outcomes")) == 1
        assert 0 < redis_server.client.ttl(Keys(0)("watched")) <= 60


def test_only_what_is_wished_for_comes(desk: Desk) -> None:
    desk.store.webhooks.add(webhook("wh_1", events=("message",), channels=("C2",)))
    with Watcher(desk, "events=reaction_*") as none, Watcher(desk, "webhook=wh_1") as some, Watcher(desk) as every:
        desk.store.append("Ev1", channel="C1")
        desk.store.append("Ev2", channel="C2")
        assert every.told(2) == ["Ev1", "Ev2"]
        assert some.told(1) == ["Ev2"]
        with pytest.raises(TimeoutError):
            none.recv(timeout=0.2)


def test_a_webhook_s_outcomes_are_its_own(desk: Desk, redis_url: str) -> None:
    with running(redis_url) as engine, Receiver() as receiver, Watcher(desk) as every:
        for name in ("wh_1", "wh_2"):
            engine.webhooks.add(webhook(name, url=receiver.url, events=("message",) if name == "wh_1" else ("*",)))
        with Watcher(desk, "webhook=wh_1") as one:
            engine.append("Ev1")
            assert sorted(every.told(3)) == ["Ev1", "Ev1 200", "Ev1 200"]
            assert one.told(2) == ["Ev1", "Ev1 200"]
            with pytest.raises(TimeoutError):
                one.recv(timeout=0.2)


def test_who_comes_back_is_told_what_happened_meanwhile_once(desk: Desk, redis_url: str) -> None:
    with running(redis_url) as engine, Receiver() as receiver:
        engine.webhooks.add(webhook("wh_1", url=receiver.url))
        with Watcher(desk) as watcher:
            engine.append("Ev1")
            frames = [watcher.frame(), watcher.frame()]
        engine.append(*(f"Ev{number}" for number in range(2, 800)))
        until(lambda: engine.settled(799))
        with Watcher(desk, f"cursor={frames[0]['cursor']}") as again:
            engine.append("Ev800")
            told = again.told(2 * 799 + 2)
    assert told.count("caught_up") == 1
    events = [name for name in told if name.startswith("Ev") and " " not in name]
    assert events == [f"Ev{number}" for number in range(2, 801)]
    outcomes = sorted(name for name in told if " 200" in name)
    assert outcomes == sorted(f"Ev{number} 200" for number in range(1, 801))


def test_each_cursor_goes_on_behind_its_own_frame(desk: Desk) -> None:
    with Watcher(desk) as watcher:
        desk.store.append("Ev1", "Ev2", "Ev3")
        cursors = [str(watcher.frame()["cursor"]) for _ in range(3)]
    for seen, cursor in enumerate(cursors, 1):
        with Watcher(desk, f"cursor={cursor}") as again:
            assert again.told(4 - seen) == [*(f"Ev{number}" for number in range(seen + 1, 4)), "caught_up"]


def test_what_a_slow_watcher_misses_is_told_and_costs_no_other(desk: Desk) -> None:
    body = b'{"event":{"text":"%s"}}' % (b"x" * 120_000)
    with Watcher(desk) as slow, Watcher(desk) as quick:
        for number in range(120):
            desk.store.journal.append([envelope(f"Ev{number}", body=body)])
            assert quick.told(1) == [f"Ev{number}"]
        until(lambda: desk.tally, saying="something was dropped")
        ((series, missed),) = desk.tally.take().items()
        frames = list(_until(slow, events=120 - missed))
        desk.store.append("Ev120")  # there is room again
        frames += _until(slow, events=1)
    assert series == (metrics.STREAM_DROPPED.name,)
    assert _name(frames[-1]) == "Ev120"
    assert sum(int(str(frame["frames"])) for frame in frames if frame["type"] == "dropped") == missed


def _until(watcher: Watcher, *, events: int) -> Iterator[dict[str, Json]]:
    while events:
        yield (frame := watcher.frame())
        events -= frame["type"] == "event"


def test_many_watchers_see_the_same(desk: Desk) -> None:
    watchers = [Watcher(desk, "events=message" if number % 2 else "") for number in range(60)]
    try:
        desk.store.append(*(f"Ev{number}" for number in range(20)))
        for watcher in watchers:
            assert watcher.told(20) == [f"Ev{number}" for number in range(20)]
    finally:
        for watcher in watchers:
            watcher.close()


@pytest.mark.parametrize(
    ("query", "status"),
    [("cursor=no", 422), ("events=Message!", 422), ("webhook=wh_none", 404), ("more=1", 422)],
)
def test_what_cannot_be_meant_is_refused(desk: Desk, query: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        Watcher(desk, query)
    assert refusal.value.response.status_code == status


def test_nobody_watches_without_a_token(desk: Desk) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        Watcher(desk, token="no")
    assert refusal.value.response.status_code == 401


def test_pages_of_other_sites_do_not_watch(desk: Desk) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        Watcher(desk, origin="https://evil.example")
    assert refusal.value.response.status_code == 403


def test_an_owner_s_key_sees_its_own_webhooks_alone(desk: Desk) -> None:
    for name, channel in (("wh_1", "C1"), ("wh_2", "C2")):
        desk.store.webhooks.add(webhook(name, events=("message",), channels=(channel,)))
    made = desk.ask("POST", "/v1/keys", {"name": "k", "scope": "owner", "webhooks": ["wh_1"]})
    token = str(made.body["key"])
    with Watcher(desk, token=token) as watcher:
        desk.store.append("Ev2", channel="C2")
        desk.store.append("Ev1", channel="C1")
        assert watcher.told(1) == ["Ev1"]
    with pytest.raises(InvalidStatus):
        Watcher(desk, "webhook=wh_2", token=token)


def test_a_revoked_key_ends_its_streams(desk: Desk) -> None:
    made = desk.ask("POST", "/v1/keys", {"name": "k", "scope": "read"}).body
    with Watcher(desk, token=str(made["key"])) as watcher:
        assert desk.ask("DELETE", f"/v1/keys/{made['id']}").status == 204
        with pytest.raises(ConnectionClosed) as end:
            watcher.recv(timeout=5.0)
    assert end.value.rcvd is not None
    assert end.value.rcvd.code == 1008


def test_a_quiet_stream_has_a_heartbeat_from_which_one_can_go_on(desk: Desk) -> None:
    with Watcher(desk) as watcher:
        frame = watcher.frame(5.0)
    assert frame["type"] == "heartbeat"
    assert frame["cursor"] == watcher.greeting["cursor"]


def test_a_watcher_that_talks_too_much_is_sent_away(desk: Desk) -> None:
    with Watcher(desk) as large:
        large.send("x" * 5000)
        with pytest.raises(ConnectionClosed) as end:
            large.recv()
    assert end.value.rcvd is not None
    assert end.value.rcvd.code == 1009
    with Watcher(desk) as chatty:
        for _ in range(stream.HEARD_MOST):
            chatty.send("and")
        with pytest.raises(ConnectionClosed) as end:
            chatty.recv()
    assert end.value.rcvd is not None
    assert end.value.rcvd.code == 1008


def test_the_stream_goes_on_when_redis_is_back(own_redis: RedisServer) -> None:
    with open_desk(own_redis.url) as desk, Watcher(desk) as watcher:
        desk.store.append("Ev1")
        assert watcher.told(1) == ["Ev1"]
        own_redis.restart()
        until(lambda: _appended(desk, "Ev2"))
        assert watcher.told(1) == ["Ev2"]
        until(lambda: len(desk.facts) == 2)
        desk.facts.clear()


def test_large_envelopes_are_left_out(desk: Desk) -> None:
    with Watcher(desk) as watcher:
        desk.store.journal.append([envelope("Ev1", body=b'{"event":{"text":"%s"}}' % (b"x" * 200_000))])
        frame = watcher.frame()
    assert frame["envelope"] is None


def test_the_last_watcher_turns_out_the_light(desk: Desk, redis_server: RedisServer) -> None:
    with Watcher(desk):
        pass

    def blocked() -> int:
        return int(redis_server.client.info("clients")["blocked_clients"])

    until(lambda: blocked() == 0, 5.0, saying="nobody waits in Redis")


def _appended(desk: Desk, name: str) -> bool:
    try:
        return desk.store.append(name) == [True]
    except Exception:  # noqa: BLE001  # it is still away
        return False
