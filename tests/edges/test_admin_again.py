"""Sending again, and saying something back: replays, one event once more, messages to Slack."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import gevent
import pytest

from relay.core.ids import ConnectionId
from relay.core.matching import Match
from relay.core.replay import ReplayState
from relay.core.webhook import Json
from tests.edges.desk import Desk, open_desk
from tests.store.filled import webhook

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).isoformat()
TOMORROW = "9999-12-31T00:00:00Z"  # the same in each process that runs the tests


@pytest.fixture
def desk(redis_url: str) -> Iterator[Desk]:
    with open_desk(redis_url) as desk:
        yield desk


def test_a_replay_is_started_shown_and_cancelled(desk: Desk) -> None:
    made = desk.made()["id"]
    begun = desk.ask("POST", "/v1/replays", {"webhook": made, "since": YESTERDAY, "status": "all"})
    assert (begun.status, begun.body["status"], begun.body["wanted"]) == (202, "running", "all")
    path = begun.headers["location"]
    assert desk.ask("GET", path).body["webhook"] == made
    assert [row["id"] for row in desk.ask("GET", "/v1/replays").rows] == [begun.body["id"]]
    assert [replay.id for replay in desk.replays.running()] == [begun.body["id"]]
    assert desk.ask("DELETE", path).status == 204
    over = desk.ask("DELETE", path)
    assert (over.status, over.body["code"]) == (409, "over")
    assert desk.ask("GET", path).body["status"] == ReplayState.CANCELLED


def test_replays_come_newest_first_page_by_page(desk: Desk) -> None:
    made = desk.made()["id"]
    ids = []
    for ahead_s in range(3):
        desk.ahead_s = ahead_s
        ids.append(desk.ask("POST", "/v1/replays", {"webhook": made, "since": YESTERDAY}).body["id"])
    first = desk.ask("GET", "/v1/replays?limit=2")
    second = desk.ask("GET", f"/v1/replays?limit=2&cursor={first.body['next_cursor']}")
    assert [row["id"] for row in first.rows + second.rows] == ids[::-1]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"since": TOMORROW}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"until": "2001-01-01T00:00:00Z"}, ""),
        ({"status": "lost"}, "status"),
        ({"webhooks": "wh_1"}, "webhooks"),
    ],
    ids=str,
)
def test_a_wrong_replay_is_refused(desk: Desk, wrong: dict[str, Json], field: str) -> None:
    body: dict[str, Json] = {"webhook": desk.made()["id"], "since": YESTERDAY, **wrong}
    said = desk.ask("POST", "/v1/replays", body)
    assert (said.status, list(said.wrong)) == (422, [field])


def test_a_replay_of_an_unknown_webhook_is_not_found(desk: Desk) -> None:
    assert desk.ask("POST", "/v1/replays", {"webhook": "wh_none", "since": YESTERDAY}).status == 404


def test_only_so_many_replays_run_at_once(desk: Desk) -> None:
    body: Json = {"webhook": desk.made()["id"], "since": YESTERDAY}
    said = [desk.ask("POST", "/v1/replays", body) for _ in range(21)]
    assert [each.status for each in said] == [202] * 20 + [409]
    assert said[-1].body["code"] == "too_many_replays"


def test_an_event_is_sent_again_to_all_who_want_it_now(desk: Desk) -> None:
    desk.store.append("Ev1")
    desk.store.webhooks.add(webhook("wh_1"))
    assert desk.store.fan_out(Match(webhook=webhook("wh_1").id)) == "done"
    (claim,) = desk.store.claim()
    desk.store.webhooks.add(webhook("wh_2"))
    desk.store.webhooks.add(webhook("wh_3", channels=("C9",)))
    said = desk.ask("POST", "/v1/events/Ev1/replay")
    assert said.status == 202
    brought = said.body["deliveries"]
    assert isinstance(brought, dict)
    assert "wh_3" not in brought
    assert brought["wh_2"] == desk.store.ids("wh_2")[0]
    assert brought.get("wh_1", claim.id) == claim.id
    assert desk.ask("POST", "/v1/events/Ev9/replay").status == 404


def test_an_event_is_sent_to_one_webhook_whatever_its_filter_says(desk: Desk) -> None:
    desk.store.append("Ev1")
    desk.store.webhooks.add(webhook("wh_1", events=("reaction_added",)))
    desk.store.webhooks.add(webhook("wh_2"))
    said = desk.ask("POST", "/v1/events/Ev1/replay", {"webhook": "wh_1"})
    assert said.body["deliveries"] == {"wh_1": desk.store.ids("wh_1")[0]}
    assert desk.store.ids("wh_2") == []


@contextmanager
def worker(desk: Desk, grant: Callable[[Mapping[str, Json]], Mapping[str, Json]]) -> Iterator[None]:
    """Somebody who holds the connections, and does as he is told."""

    def work() -> None:
        position = desk.notices.position()
        while True:
            news = desk.notices.wait(position)
            position = news.position
            for wish in news.wishes:
                if desk.notices.claim(wish):
                    desk.notices.grant(wish, grant(wish.frame))

    working = gevent.spawn(work)
    gevent.idle()
    try:
        yield
    finally:
        working.kill()


def connection(desk: Desk) -> str:
    said = desk.ask("POST", "/v1/connections", {"kind": "rtm", "token": "xoxb-1"})
    return f"/v1/connections/{said.body['id']}"


def test_a_message_is_said_on_the_connection_and_slacks_answer_comes_back(desk: Desk) -> None:
    said_to_slack: list[Mapping[str, Json]] = []

    def grant(frame: Mapping[str, Json]) -> Mapping[str, Json]:
        said_to_slack.append(frame)
        return {"ok": True, "ts": "1700000000.000100"}

    path = connection(desk)
    with worker(desk, grant):
        said = desk.ask("POST", f"{path}/messages", {"channel": "C1", "text": "Deployed.", "thread_ts": "1.2"})
        typing = desk.ask("POST", f"{path}/typing", {"channel": "C1"})
        presence = desk.ask("POST", f"{path}/presence", {"type": "presence_query", "ids": ["U1"]})
    assert (said.status, said.body) == (200, {"channel": "C1", "ts": "1700000000.000100"})
    assert (typing.status, presence.status) == (202, 202)
    assert said_to_slack == [
        {"type": "message", "channel": "C1", "text": "Deployed.", "thread_ts": "1.2"},
        {"type": "typing", "channel": "C1"},
        {"type": "presence_query", "ids": ["U1"]},
    ]


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ({"error": "ratelimited", "retry_after": 7}, 429, "too_many_requests"),
        ({"error": "not_connected"}, 409, "not_connected"),
        ({"error": "not_supported"}, 409, "not_supported"),
        ({"error": "no_answer"}, 504, "no_answer"),
        ({"error": "channel_not_found", "explanation": "No such."}, 422, "refused_by_slack"),
    ],
    ids=str,
)
def test_what_slack_refuses_is_told_in_its_word(desk: Desk, answer: dict[str, Json], status: int, code: str) -> None:
    path = connection(desk)
    with worker(desk, lambda _: {"ok": False, **answer}):
        said = desk.ask("POST", f"{path}/messages", {"channel": "C1", "text": "x"})
    assert (said.status, said.body["code"]) == (status, code)
    if status == 429:
        assert said.headers["retry-after"] == "7"
    if status == 422:
        assert "channel_not_found" in str(said.body["detail"])


def test_whose_presence_is_told_is_kept_with_the_connection(desk: Desk) -> None:
    path = connection(desk)
    said = desk.ask("POST", f"{path}/presence", {"type": "presence_sub", "ids": ["U1", "W2"]})
    assert said.status == 202
    kept = desk.connections.get(ConnectionId(path.rpartition("/")[2]))
    assert kept is not None
    assert kept.presence_sub == ("U1", "W2")


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("messages", {"channel": "C1"}),
        ("messages", {"text": "x"}),
        ("messages", {"channel": "C1", "text": "x" * 4001}),
        ("typing", {}),
        ("presence", {"type": "presence_sub", "ids": ["me"]}),
        ("presence", {"type": "hello", "ids": []}),
    ],
    ids=str,
)
def test_what_says_nothing_is_refused(desk: Desk, verb: str, body: dict[str, Json]) -> None:
    assert desk.ask("POST", f"{connection(desk)}/{verb}", body).status == 422


def test_nobody_speaks_on_a_connection_that_is_not_there(desk: Desk) -> None:
    assert desk.ask("POST", "/v1/connections/con_none/messages", {"channel": "C1", "text": "x"}).status == 404
