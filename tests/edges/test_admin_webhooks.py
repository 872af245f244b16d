"""Webhooks over the API: made, listed, shown, changed, removed; what is wrong is named, and no secret is shown."""

from collections.abc import Iterator

import pytest

from relay.core.ids import WebhookId
from relay.core.webhook import Json
from tests.edges.desk import URL, Desk, open_desk, wanted
from tests.store.filled import webhook


@pytest.fixture
def desk(redis_url: str) -> Iterator[Desk]:
    with open_desk(redis_url) as desk:
        yield desk


def test_a_webhook_is_made_with_a_secret_that_is_shown_once(desk: Desk) -> None:
    said = desk.ask("POST", "/v1/webhooks", {"url": URL, "events": ["message", "channel_*"]})
    assert said.status == 201
    assert said.headers["location"] == f"/v1/webhooks/{said.body['id']}"
    assert said.headers["content-type"] == "application/json"
    assert str(said.body["id"]).startswith("wh_")
    assert str(said.body["secret"]).startswith("whsec_")
    assert said.body["status"] == "enabled"
    shown = desk.ask("GET", said.headers["location"])
    assert shown.status == 200
    assert {**shown.body, "secret": said.body["secret"]} == said.body


def test_everything_that_an_owner_may_set_is_kept(desk: Desk) -> None:
    settings: dict[str, Json] = {
        "url": URL,
        "events": ["message", "reaction_added"],
        "channels": ["C1", "D2"],
        "filter": {"event": {"text": [{"prefix": "deploy"}], "bot_id": [{"exists": False}]}},
        "description": "deploys – früh",
        "format": "cloudevents",
        "timeout": 5,
        "max_in_flight": 3,
        "rate_limit": 2.5,
        "order": "channel",
        "reply": True,
        "retry_schedule": [1, 2, 3],
    }
    secret = "whsec_" + "QUJD" * 8
    sent: dict[str, Json] = {**settings, "secret": secret, "headers": {"X-Api-Key": "hush"}, "enabled": False}
    made = desk.made(**sent)
    assert {name: made[name] for name in settings} == settings
    assert made["secret"] == secret
    assert made["header_names"] == ["X-Api-Key"]
    assert (made["status"], made["disabled_reason"]) == ("disabled", "manual")
    kept = desk.store.webhooks.get(WebhookId(str(made["id"])))
    assert kept is not None
    assert kept.headers == (("X-Api-Key", "hush"),)


def test_neither_lists_nor_records_show_secrets_or_the_values_of_headers(desk: Desk) -> None:
    made = desk.made(headers={"X-Api-Key": "hush-hush"})
    for path in ("/v1/webhooks", f"/v1/webhooks/{made['id']}"):
        raw = desk.ask("GET", path).raw
        assert b"hush-hush" not in raw
        assert b"whsec_" not in raw


WRONG: list[tuple[dict[str, Json], str, str]] = [
    ({"url": None}, "url", "valid string"),
    ({"url": "ftp://example.com"}, "url", "does not begin with http"),
    ({"url": "http://192.168.0.1/"}, "url", "private"),
    ({"url": "https://me:secret@example.com"}, "url", "user name"),
    ({"events": []}, "events", "at least 1 item"),
    ({"events": "message"}, "events", "valid list"),
    ({"events": ["Message"]}, "events.0", "a selector is an event's type"),
    ({"events": ["hello"]}, "events.0", "never sent on"),
    ({"events": ["message", "message"]}, "events", "holds a value twice"),
    ({"channels": ["#general"]}, "channels.0", "is not a channel's id"),
    ({"connections": ["con_nowhere"]}, "connections.0", "there is no such connection"),
    ({"filter": {"event": {"text": "deploy"}}}, "filter", "event.text: must be a list of conditions"),
    ({"filter": {"event": {"text": [{"begins": "x"}]}}}, "filter", "event.text.begins: is not a condition"),
    ({"secret": "s3cret-value"}, "secret", "whsec_"),
    ({"headers": {"Host": "x"}}, "headers", "Host"),
    ({"headers": {"X-A": "1\r\nX-B: 2"}}, "headers", "the value of X-A"),
    ({"headers": {"X A": "1"}}, "headers", "header's name"),
    ({"headers": {"webhook-id": "1"}}, "headers", "webhook-id is set by the relay"),
    ({"headers": {"X-A": "1", "x-a": "2"}}, "headers", "named twice"),
    ({"timeout": 31}, "timeout", "less than or equal to 30"),
    ({"timeout": "10"}, "timeout", "valid number"),
    ({"max_in_flight": 0}, "max_in_flight", "greater than or equal to 1"),
    ({"max_in_flight": True}, "max_in_flight", "valid integer"),
    ({"rate_limit": 0}, "rate_limit", "greater than 0"),
    ({"order": "random"}, "order", "'none', 'channel' or 'all'"),
    ({"retry_schedule": [-1]}, "retry_schedule.0", "greater than or equal to 0"),
    ({"colour": "red"}, "colour", "there is no such field"),
]


@pytest.mark.parametrize(("wrong", "field", "message"), WRONG, ids=[f"{f} {n}" for n, (_, f, _) in enumerate(WRONG)])
def test_a_wrong_field_is_named_and_its_value_is_not_said_back(
    desk: Desk, wrong: dict[str, Json], field: str, message: str
) -> None:
    said = desk.ask("POST", "/v1/webhooks", wanted(**wrong))
    assert (said.status, said.body["code"]) == (422, "validation_failed")
    assert said.headers["content-type"] == "application/problem+json"
    assert message in said.wrong[field]
    assert b"s3cret-value" not in said.raw
    assert desk.ask("GET", "/v1/webhooks").rows == []


def test_what_is_missing_is_named(desk: Desk) -> None:
    assert desk.ask("POST", "/v1/webhooks", {}).wrong == {"url": "is required", "events": "is required"}


def test_a_change_leaves_what_it_does_not_name_and_null_puts_a_default_back(desk: Desk) -> None:
    made = desk.made(description="mine", timeout=5, rate_limit=3, headers={"X-A": "1"}, filter={"a": [1]})
    path = f"/v1/webhooks/{made['id']}"
    changed = desk.ask("PATCH", path, {"events": ["*"], "timeout": None, "rate_limit": None, "filter": None})
    assert changed.status == 200
    shown = changed.body
    assert (shown["events"], shown["timeout"], shown["rate_limit"], shown["filter"]) == (["*"], 10.0, None, None)
    assert (shown["description"], shown["header_names"], shown["url"]) == ("mine", ["X-A"], URL)
    assert desk.ask("GET", path).body == shown


@pytest.mark.parametrize("wrong", [{"url": None}, {"events": []}, {"secret": "x"}, {"url": "http://10.0.0.1"}], ids=str)
def test_a_wrong_change_changes_nothing(desk: Desk, wrong: dict[str, Json]) -> None:
    made = desk.made()
    path = f"/v1/webhooks/{made['id']}"
    before = desk.ask("GET", path).body
    assert desk.ask("PATCH", path, {"description": "new", **wrong}).status == 422
    assert desk.ask("GET", path).body == before


def test_if_match_refuses_a_change_of_something_else_and_if_none_match_spares_an_answer(desk: Desk) -> None:
    path = f"/v1/webhooks/{desk.made()['id']}"
    tag = desk.ask("GET", path).headers["etag"]
    assert desk.ask("GET", path, headers={"If-None-Match": tag}).status == 304
    changed = desk.ask("PATCH", path, {"description": "first"}, headers={"If-Match": tag})
    assert changed.status == 200
    refused = desk.ask("PATCH", path, {"description": "second"}, headers={"If-Match": tag})
    assert (refused.status, refused.body["code"]) == (412, "precondition_failed")
    assert desk.ask("GET", path, headers={"If-None-Match": tag}).body["description"] == "first"
    assert desk.ask("PATCH", path, {"description": "third"}, headers={"If-Match": "*"}).status == 200


def test_tags_are_compared_as_http_has_it(desk: Desk) -> None:
    """A proxy that compresses makes weak ones: good enough for looking, not for changing."""
    path = f"/v1/webhooks/{desk.made()['id']}"
    tag = desk.ask("GET", path).headers["etag"]
    for known in (f"W/{tag}", f'"other", {tag}', "*"):
        assert desk.ask("GET", path, headers={"If-None-Match": known}).status == 304
    for other in (f"W/{tag}", '"other"', ""):
        assert desk.ask("PATCH", path, {}, headers={"If-Match": other}).status == 412
        assert desk.ask("DELETE", path, headers={"If-Match": other}).status == 412
    assert desk.ask("PATCH", path, {}, headers={"If-Match": f'"other", {tag}'}).status == 200
    assert desk.ask("DELETE", path, headers={"If-Match": "*"}).status == 204


def test_null_puts_every_default_back(desk: Desk) -> None:
    plain = desk.made()
    settings: dict[str, Json] = {
        "channels": ["C1"], "filter": {"a": [1]}, "description": "x", "headers": {"X-A": "1"}, "format": "cloudevents",
        "timeout": 5, "max_in_flight": 1, "rate_limit": 1, "order": "all", "reply": True, "retry_schedule": [1],
        "enabled": False, "connections": [],
    }  # fmt: skip
    made = desk.made(**settings)
    back = desk.ask("PATCH", f"/v1/webhooks/{made['id']}", dict.fromkeys(settings)).body
    own = {"id", "secret", "created_at", "updated_at"}
    assert {name: back[name] for name in back.keys() - own} == {name: plain[name] for name in plain.keys() - own}


def test_a_removed_webhook_is_gone(desk: Desk) -> None:
    path = f"/v1/webhooks/{desk.made()['id']}"
    assert desk.ask("DELETE", path).status == 204
    for method in ("GET", "DELETE"):
        said = desk.ask(method, path)
        assert (said.status, said.body["code"]) == (404, "not_found")
    assert desk.ask("PATCH", path, {}).status == 404
    assert desk.ask("GET", "/v1/webhooks").rows == []


def test_pages_go_through_all_webhooks_although_some_come_meanwhile(desk: Desk) -> None:
    made = [desk.made(description=str(number))["id"] for number in range(5)]
    first = desk.ask("GET", "/v1/webhooks?limit=2")
    desk.made(description="late")
    second = desk.ask("GET", f"/v1/webhooks?limit=2&cursor={first.body['next_cursor']}")
    third = desk.ask("GET", f"/v1/webhooks?limit=2&cursor={second.body['next_cursor']}")
    assert [row["id"] for row in first.rows + second.rows + third.rows] == made[::-1]
    assert third.body["next_cursor"] is None


def test_pages_go_through_what_is_left_although_some_are_removed_meanwhile(desk: Desk) -> None:
    made = [desk.made()["id"] for _ in range(6)]
    first = desk.ask("GET", "/v1/webhooks?limit=2")
    for gone in (made[4], made[3], made[0]):  # the last of the page, the next one, the very last
        desk.ask("DELETE", f"/v1/webhooks/{gone}")
    second = desk.ask("GET", f"/v1/webhooks?limit=2&cursor={first.body['next_cursor']}")
    third = desk.ask("GET", f"/v1/webhooks?limit=2&cursor={second.body['next_cursor']}")
    assert [row["id"] for row in second.rows + third.rows] == [made[2], made[1]]


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1",
        "limit=1e3",
        "cursor=" + "9" * 300,
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=x",
        "cursor=%FF",
        "page=2",
        "limit=1&limit=2",
    ],
)
def test_a_wrong_query_is_named(desk: Desk, query: str) -> None:
    said = desk.ask("GET", f"/v1/webhooks?{query}")
    assert said.status == 422
    assert list(said.wrong) == [query.partition("=")[0]]


def test_enable_and_disable_are_a_switch(desk: Desk) -> None:
    path = f"/v1/webhooks/{desk.made()['id']}"
    off = desk.ask("POST", f"{path}/disable")
    assert (off.status, off.body["status"], off.body["disabled_reason"]) == (200, "disabled", "manual")
    on = desk.ask("POST", f"{path}/enable", {"drain": True})
    assert (on.status, on.body["status"], on.body["disabled_reason"]) == (200, "enabled", None)
    assert desk.ask("POST", f"{path}/enable").status == 200


def test_a_record_that_is_no_longer_allowed_is_said_to_be_so_when_it_is_changed(desk: Desk) -> None:
    desk.store.webhooks.add(webhook("wh_1", events=("hello",)))
    said = desk.ask("PATCH", "/v1/webhooks/wh_1", {"description": "x"})
    assert (said.status, list(said.wrong)) == (422, ["events.0"])
    assert desk.ask("PATCH", "/v1/webhooks/wh_1", {"events": ["message"]}).status == 200


def test_a_connection_may_be_named_by_its_name(desk: Desk) -> None:
    made = desk.ask("POST", "/v1/connections", {"kind": "rtm", "token": "xoxb-1", "name": "acme"})
    webhook: dict[str, Json] = {"url": "https://example.com/", "events": ["message"], "connections": ["acme"]}
    assert desk.ask("POST", "/v1/webhooks", webhook).body["connections"] == [made.body["id"]]
