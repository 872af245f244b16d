"""Events, deliveries, filters and connections over the API."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from relay.core.delivery import State, Step
from relay.core.envelope import Envelope, Media
from relay.core.ids import ConnectionId, EventId
from relay.core.matching import Match
from relay.core.readiness import Check, Readiness
from relay.core.webhook import Json
from tests.edges.desk import Desk, open_desk
from tests.store.filled import webhook


@pytest.fixture
def desk(redis_url: str) -> Iterator[Desk]:
    with open_desk(redis_url) as desk:
        yield desk


def event(name: str, kind: str = "message", channel: str = "C1", connection: str = "con_1") -> Envelope:
    body = {"type": "event_callback", "event": {"type": kind.partition(".")[0], "text": f"deploy {name}"}}
    return Envelope(
        event_id=EventId(name),
        connection=ConnectionId(connection),
        kind=kind,
        channel=channel,
        received_at=1700000000.5,
        body=json.dumps(body).encode(),
    )


def ids(rows: list[dict[str, Json]]) -> list[Json]:
    return [row["id"] for row in rows]


def fan_out(desk: Desk, *webhooks: str) -> None:
    matches = [Match(webhook=desk.store.webhooks.add(webhook(name)).id) for name in webhooks]
    assert desk.store.fan_out(*matches) == "done"


def test_events_are_listed_newest_first_page_by_page(desk: Desk) -> None:
    desk.store.append("Ev1", "Ev2", "Ev3")
    first = desk.ask("GET", "/v1/events?limit=2")
    assert ids(first.rows) == ["Ev3", "Ev2"]
    desk.store.append("Ev4")
    second = desk.ask("GET", f"/v1/events?limit=2&cursor={first.body['next_cursor']}")
    assert (ids(second.rows), second.body["next_cursor"]) == (["Ev1"], None)


def test_an_event_that_several_connections_heard_is_one_and_is_found_by_each_of_them(desk: Desk) -> None:
    for connection in ("con_1", "con_2", "con_3", "con_2"):
        desk.store.journal.append([event("Ev1", connection=connection)])
    for query in ("", "connection=con_1", "connection=con_2", "connection=con_3"):
        assert ids(desk.ask("GET", f"/v1/events?{query}").rows) == ["Ev1"]
    shown = desk.ask("GET", "/v1/events/Ev1").body
    assert (shown["connection"], shown["connections"]) == ("con_1", ["con_1", "con_2", "con_3"])


def test_an_event_goes_again_to_those_of_every_connection_that_heard_it(desk: Desk) -> None:
    for number in (1, 2, 3):
        desk.store.webhooks.add(webhook(f"wh_{number}", connections=(ConnectionId(f"con_{number}"),)))
    for connection in ("con_1", "con_2"):
        desk.store.journal.append([event("Ev1", connection=connection)])
    brought = desk.ask("POST", "/v1/events/Ev1/replay", {}).body["deliveries"]
    assert isinstance(brought, dict)
    assert brought.keys() == {"wh_1", "wh_2"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("type=message", ["Ev4", "Ev2", "Ev1"]),
        ("type=message.bot_message", ["Ev2"]),
        ("type=*_added", ["Ev3"]),
        ("channel=C2", ["Ev3", "Ev2"]),
        ("connection=con_2", ["Ev4"]),
        ("type=message&channel=C1&connection=con_1", ["Ev1"]),
        ("since=2001-01-01T00:00:00Z", ["Ev4", "Ev3", "Ev2", "Ev1"]),
        ("until=2001-01-01T00:00:00Z", []),
        ("since=2100-01-01T00:00:00%2B01:00", []),
        ("until=2100-01-01T00:00:00Z", ["Ev4", "Ev3", "Ev2", "Ev1"]),
    ],
)
def test_events_are_found_by_what_they_are(desk: Desk, query: str, found: list[Json]) -> None:
    desk.store.journal.append(
        [
            event("Ev1"),
            event("Ev2", "message.bot_message", "C2"),
            event("Ev3", "reaction_added", "C2"),
            event("Ev4", connection="con_2"),
        ]
    )
    assert ids(desk.ask("GET", f"/v1/events?{query}").rows) == found


@pytest.mark.parametrize(
    "query", ["type=**x", "type=hello", "since=yesterday", "since=2001-01-01T00:00:00", "colour=red"]
)
def test_a_wrong_search_is_refused(desk: Desk, query: str) -> None:
    said = desk.ask("GET", f"/v1/events?{query}")
    assert (said.status, list(said.wrong)) == (422, [query.partition("=")[0]])


def test_an_event_is_shown_with_its_envelope_and_where_it_went(desk: Desk) -> None:
    desk.store.journal.append([event("Ev1")])
    fan_out(desk, "wh_1", "wh_2")
    shown = desk.ask("GET", "/v1/events/Ev1").body
    assert shown["envelope"] == {"type": "event_callback", "event": {"type": "message", "text": "deploy Ev1"}}
    assert (shown["type"], shown["channel"], shown["media"]) == ("message", "C1", "application/json")
    assert set(desk.store.ids("wh_1") + desk.store.ids("wh_2")) == set(shown["deliveries"])  # type: ignore[arg-type]


def test_a_form_is_shown_by_its_fields(desk: Desk) -> None:
    body = urlencode({"command": "/deploy", "text": "api"}).encode()
    desk.store.journal.append(
        [
            Envelope(
                event_id=EventId("Ev1"),
                connection=ConnectionId("con_1"),
                kind="slash_commands",
                channel="C1",
                received_at=1700000000.5,
                body=body,
                media=Media.FORM,
            )
        ]
    )
    assert desk.ask("GET", "/v1/events/Ev1").body["envelope"] == {"command": "/deploy", "text": "api"}


def test_deliveries_are_listed_by_webhook_by_event_and_all(desk: Desk) -> None:
    desk.store.append("Ev1", "Ev2", "Ev3")
    fan_out(desk, "wh_1", "wh_2")
    of_one = desk.ask("GET", "/v1/deliveries?webhook=wh_1").rows
    assert [row["event"] for row in of_one] == ["Ev3", "Ev2", "Ev1"]
    of_event = desk.ask("GET", "/v1/deliveries?event=Ev2").rows
    assert sorted(str(row["webhook"]) for row in of_event) == ["wh_1", "wh_2"]
    assert len(desk.ask("GET", "/v1/deliveries").rows) == 6
    assert len(desk.ask("GET", "/v1/deliveries?webhook=wh_2&event=Ev2").rows) == 1
    assert desk.ask("GET", "/v1/deliveries?event=Ev9").status == 404


@pytest.mark.parametrize("query", ["", "webhook=wh_1", "event=Ev1"])
@pytest.mark.parametrize("limit", [1, 2, 200])
def test_pages_hold_every_delivery_once(desk: Desk, query: str, limit: int) -> None:
    desk.store.append("Ev1", "Ev2")
    fan_out(desk, "wh_1", "wh_2", "wh_3")
    whole = ids(desk.ask("GET", f"/v1/deliveries?limit=200&{query}").rows)
    seen: list[Json] = []
    cursor: Json = ""
    while cursor is not None:
        page = desk.ask("GET", f"/v1/deliveries?limit={limit}&{query}" + (f"&cursor={cursor}" if cursor else ""))
        seen += ids(page.rows)
        cursor = page.body["next_cursor"]
    assert seen == whole
    assert len(set(map(str, seen))) == len(seen) > 1


def test_deliveries_are_found_by_status(desk: Desk) -> None:
    desk.store.append("Ev1", "Ev2")
    fan_out(desk, "wh_1")
    claim, _ = desk.store.claim()
    desk.store.settle(claim, Step.GIVE_UP, reason="exhausted")
    (dead,) = desk.ask("GET", "/v1/deliveries?webhook=wh_1&status=dead").rows
    assert (dead["id"], dead["reason"]) == (claim.id, "exhausted")
    assert desk.ask("GET", "/v1/deliveries?status=delivered").rows == []
    assert desk.ask("GET", "/v1/deliveries?status=lost").status == 422


def test_a_delivery_is_shown_with_its_attempts_sent_again_and_cancelled(desk: Desk) -> None:
    desk.store.append("Ev1")
    fan_out(desk, "wh_1")
    (claim,) = desk.store.claim()
    line = {"at": 1700000000.5, "n": 2, "url": "https://example.com/", "status": 500, "excerpt": "no"}
    line |= {"retry_reason": "http_timeout", "own_headers": ["X-Key"]}
    attempt = json.dumps(line | {"headers": [["a", "b"], ["a", "c"]], "timing": [0, 0, 0, 1, 2.5]}).encode()
    desk.store.settle(claim, Step.GIVE_UP, attempt=attempt)
    path = f"/v1/deliveries/{claim.id}"
    assert desk.ask("GET", path).body["attempts"] == [
        {
            "at": "2023-11-14T22:13:20.500Z",
            "url": "https://example.com/",
            "request_headers": {
                "Content-Type": "application/json",
                "X-Slack-Request-Timestamp": "1700000000",
                "X-Slack-Signature": "v0=***",
                "webhook-id": claim.id,
                "webhook-timestamp": "1700000000",
                "webhook-signature": "v1,***",
                "X-Slack-Retry-Num": "1",
                "X-Slack-Retry-Reason": "http_timeout",
                "X-Key": "***",
            },
            "duration_ms": 2.5,
            "timing": {"dns_ms": 0.0, "connect_ms": 0.0, "tls_ms": 0.0, "first_byte_ms": 1.0, "total_ms": 2.5},
            "status": 500,
            "headers": {"a": "b, c"},
            "excerpt": "no",
            "failure": None,
            "detail": None,
        }
    ]
    again = desk.ask("POST", f"{path}/retry")
    assert (again.status, again.body["status"]) == (202, "pending")
    assert desk.ask("POST", f"{path}/cancel").body["status"] == "cancelled"
    refused = desk.ask("POST", f"{path}/cancel")
    assert (refused.status, refused.body["code"]) == (409, "wrong_state")
    assert desk.store.state(claim.id) is State.CANCELLED


def test_a_filter_is_tried_on_an_event_that_is_kept_or_given(desk: Desk) -> None:
    desk.store.journal.append([event("Ev1")])
    pattern: Json = {"event": {"text": [{"prefix": "deploy"}], "bot_id": [{"exists": False}]}}
    kept = desk.ask("POST", "/v1/filters/test", {"filter": pattern, "event_id": "Ev1"})
    assert kept.body == {"matches": True, "reasons": []}
    given: Json = {"event": {"text": "rollback", "bot_id": "B1"}}
    said = desk.ask("POST", "/v1/filters/test", {"filter": pattern, "event": given}).body
    assert said["matches"] is False
    assert said["reasons"] == [
        {"field": "event.text", "message": 'is "rollback"; the filter asks for text that starts with "deploy"'},
        {"field": "event.bot_id", "message": 'is "B1"; the filter asks for none at all'},
    ]


def test_a_filters_trial_takes_one_event(desk: Desk) -> None:
    pattern: Json = {"a": [1]}
    for body in ({"filter": pattern}, {"filter": pattern, "event": {}, "event_id": "Ev1"}):
        assert desk.ask("POST", "/v1/filters/test", body).status == 422
    assert desk.ask("POST", "/v1/filters/test", {"filter": pattern, "event_id": "Ev9"}).status == 404


def test_what_is_not_ready_says_why(desk: Desk) -> None:
    desk.readiness = Readiness(checks=(Check(name="redis", ok=True), Check(name="loop x", ok=False, why="it hangs")))
    said = desk.ask("GET", "/readyz", token=None)
    assert said.status == 503
    assert said.body["checks"] == [
        {"name": "redis", "ok": True, "why": None},
        {"name": "loop x", "ok": False, "why": "it hangs"},
    ]


def test_an_unknown_event_is_not_found(desk: Desk) -> None:
    assert desk.ask("GET", f"/v1/events/{EventId('Ev9')}").status == 404


def test_the_ledger_closes_whole_and_for_each_webhook(desk: Desk) -> None:
    desk.store.append("Ev1", "Ev2", "Ev3")
    fan_out(desk, "wh_1", "wh_2")
    desk.store.append("Ev4")
    assert desk.store.fan_out() == "done"
    claim, *_ = desk.store.claim()
    desk.store.settle(claim, Step.ACCEPT)
    stats = desk.ask("GET", "/v1/stats").body
    webhooks = stats["webhooks"]
    assert isinstance(webhooks, dict)
    assert set(webhooks) == {"wh_1", "wh_2"}
    for columns in (stats, *webhooks.values()):
        assert isinstance(columns, dict)
        parts = [columns[name] for name in ("filtered", "delivered", "outstanding", "held", "dead")]
        assert columns["received"] == sum(parts)  # type: ignore[arg-type]  # numbers, as the document says
    assert (stats["events"], stats["received"], stats["filtered"]) == (4, 8, 2)
    assert (stats["delivered"], stats["outstanding"]) == (1, 5)


@pytest.mark.parametrize("path", ["events", "audit", "deliveries"])
def test_before_the_beginning_of_time_there_is_nothing(desk: Desk, path: str) -> None:
    marks = b"0-0\n0\n0" if path == "deliveries" else b"0-0\n0"
    cursor = urlsafe_b64encode(marks).decode().rstrip("=")
    assert desk.ask("GET", f"/v1/{path}?cursor={cursor}").rows == []
    if path == "events":
        assert desk.ask("GET", "/v1/events?until=1960-01-01T00:00:00Z").rows == []
