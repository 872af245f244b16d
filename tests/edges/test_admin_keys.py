"""Keys: who may do what, from when until when; what is done once; and what is written down."""

import json
from collections.abc import Iterator

import gevent
import pytest
from redis import Redis

from relay.core.ids import WebhookId
from relay.core.webhook import Json
from tests.edges.desk import TOKEN, URL, Desk, open_desk, wanted
from tests.receivers import Answer, Got, Receiver
from tests.store.filled import webhook
from tests.waiting import until


@pytest.fixture
def desk(redis_url: str) -> Iterator[Desk]:
    with open_desk(redis_url) as desk:
        yield desk


def key(desk: Desk, scope: str, *webhooks: Json) -> str:
    """A new key's token."""
    body: dict[str, Json] = {"name": scope, "scope": scope} | ({"webhooks": list(webhooks)} if webhooks else {})
    said = desk.ask("POST", "/v1/keys", body)
    assert said.status == 201, said.raw
    return str(said.body["key"])


def test_a_key_is_shown_once_and_kept_as_a_hash(desk: Desk) -> None:
    token = key(desk, "read")
    listed = desk.ask("GET", "/v1/keys")
    assert [(row["name"], row["scope"], row["last_used_at"]) for row in listed.rows] == [("read", "read", None)]
    assert token.encode() not in listed.raw
    dumped = [desk.store.client.redis.hgetall(name) for name in desk.store.client.redis.keys("*api_key*")]
    assert dumped
    assert token not in repr(dumped)


def test_a_used_key_says_when(desk: Desk) -> None:
    token = key(desk, "read")
    assert desk.ask("GET", "/v1/webhooks", token=token).status == 200
    assert desk.ask("GET", "/v1/keys").rows[0]["last_used_at"] is not None


def test_a_removed_key_opens_nothing_any_more(desk: Desk) -> None:
    token = key(desk, "admin")
    (row,) = desk.ask("GET", "/v1/keys", token=token).rows
    assert desk.ask("DELETE", f"/v1/keys/{row['id']}").status == 204
    assert desk.ask("GET", "/v1/keys", token=token).status == 401
    assert desk.ask("DELETE", f"/v1/keys/{row['id']}").status == 404


def test_keys_come_newest_first_page_by_page(desk: Desk) -> None:
    for _ in range(3):
        key(desk, "read")
    first = desk.ask("GET", "/v1/keys?limit=2")
    key(desk, "admin")
    second = desk.ask("GET", f"/v1/keys?limit=2&cursor={first.body['next_cursor']}")
    assert (len(first.rows), len(second.rows), second.body["next_cursor"]) == (2, 1, None)
    assert len({row["id"] for row in first.rows + second.rows}) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"scope": "root"},
        {"name": ""},
        {"scope": "owner"},
        {"scope": "owner", "webhooks": ["wh_none"]},
        {"scope": "read", "webhooks": ["wh_1"]},
        {"secret": "x"},
    ],
    ids=str,
)
def test_a_wrong_key_is_refused(desk: Desk, wrong: dict[str, Json]) -> None:
    assert desk.ask("POST", "/v1/keys", {"name": "x", "scope": "read", **wrong}).status == 422


def requests(desk: Desk, mine: Json, other: Json) -> dict[str, tuple[str, str, Json]]:
    """One request of each sort: reading, own things, secrets, other people's, the relay's."""
    return {
        "list": ("GET", "/v1/webhooks", None),
        "show own": ("GET", f"/v1/webhooks/{mine}", None),
        "show other": ("GET", f"/v1/webhooks/{other}", None),
        "change own": ("PATCH", f"/v1/webhooks/{mine}", {"description": "x"}),
        "change other": ("PATCH", f"/v1/webhooks/{other}", {"description": "x"}),
        "secret own": ("GET", f"/v1/webhooks/{mine}/secret", None),
        "secret other": ("GET", f"/v1/webhooks/{other}/secret", None),
        "rotate other": ("POST", f"/v1/webhooks/{other}/rotate-secret", {}),
        "create": ("POST", "/v1/webhooks", wanted()),
        "events": ("GET", "/v1/events", None),
        "connections": ("GET", "/v1/connections", None),
        "keys": ("GET", "/v1/keys", None),
        "audit": ("GET", "/v1/audit", None),
        "deliveries own": ("GET", f"/v1/deliveries?webhook={mine}", None),
        "deliveries other": ("GET", f"/v1/deliveries?webhook={other}", None),
        "delete other": ("DELETE", f"/v1/webhooks/{other}", None),
    }


MAY = {
    "read": {"list", "show own", "show other", "events", "connections", "deliveries own", "deliveries other"},
    "owner": {"list", "show own", "change own", "secret own", "deliveries own"},
}


@pytest.mark.parametrize("scope", ["read", "owner"])
def test_a_scope_opens_its_own_doors_and_no_other(desk: Desk, scope: str) -> None:
    mine, other = desk.made()["id"], desk.made()["id"]
    token = key(desk, scope, *([mine] if scope == "owner" else []))
    asked = requests(desk, mine, other)
    answers = {name: desk.ask(*each, token=token).status for name, each in asked.items()}
    assert {name for name, status in answers.items() if status < 300} == MAY[scope]
    assert set(answers.values()) <= {200, 403, 404}
    assert desk.store.webhooks.get(WebhookId(str(other))) is not None


def test_an_owners_lists_hold_its_own_things_only(desk: Desk) -> None:
    mine, other = desk.made()["id"], desk.made()["id"]
    token = key(desk, "owner", mine)
    assert [row["id"] for row in desk.ask("GET", "/v1/webhooks", token=token).rows] == [mine]
    assert desk.ask("GET", "/v1/deliveries", token=token).status == 200
    assert desk.ask("GET", f"/v1/deliveries?webhook={other}", token=token).status == 404


def test_a_post_with_an_idempotency_key_is_done_once_and_answered_the_same(desk: Desk) -> None:
    headers = {"Idempotency-Key": "my key 1"}
    first = desk.ask("POST", "/v1/webhooks", wanted(), headers=headers)
    again = desk.ask("POST", "/v1/webhooks", wanted(), headers=headers)
    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert (first.headers["location"], again.headers["idempotency-replayed"]) == (again.headers["location"], "true")
    assert len(desk.ask("GET", "/v1/webhooks").rows) == 1
    kept = [desk.store.client.redis.get(name) for name in desk.store.client.redis.keys("*idempotency*")]
    assert len(kept) == 1
    assert str(first.body["secret"]) not in repr(kept)


def test_an_idempotency_key_belongs_to_one_request_of_one_caller(desk: Desk) -> None:
    headers = {"Idempotency-Key": "k"}
    assert desk.ask("POST", "/v1/webhooks", wanted(), headers=headers).status == 201
    other = desk.ask("POST", "/v1/webhooks", wanted(description="x"), headers=headers)
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    somebody = key(desk, "admin")
    assert desk.ask("POST", "/v1/webhooks", wanted(description="x"), headers=headers, token=somebody).status == 201


def test_a_refused_request_may_be_tried_again_with_its_key(desk: Desk) -> None:
    headers = {"Idempotency-Key": "k"}
    with Receiver(lambda got: Answer(500)) as receiver:
        asked = wanted(url=receiver.url, verify=True)
        assert desk.ask("POST", "/v1/webhooks", asked, headers=headers).status == 422
        receiver.answer = lambda got: Answer(body=json.loads(got.body)["challenge"].encode())
        assert desk.ask("POST", "/v1/webhooks", asked, headers=headers).status == 201


def test_a_request_that_is_being_done_is_not_done_beside_itself(desk: Desk) -> None:
    finish = gevent.event.Event()

    def slowly(got: Got) -> Answer:
        finish.wait()
        return Answer(body=json.loads(got.body)["challenge"].encode())

    with Receiver(slowly) as receiver:
        asked, headers = wanted(url=receiver.url, verify=True), {"Idempotency-Key": "k"}
        first = gevent.spawn(desk.ask, "POST", "/v1/webhooks", asked, headers=headers)
        until(lambda: receiver.got)
        busy = desk.ask("POST", "/v1/webhooks", asked, headers=headers)
        finish.set()
        assert (busy.status, busy.body["code"]) == (409, "in_progress")
        assert first.get().status == 201


def test_of_many_that_come_at_once_one_is_done(desk: Desk) -> None:
    headers = {"Idempotency-Key": "k"}
    asking = [gevent.spawn(desk.ask, "POST", "/v1/webhooks", wanted(), headers=headers) for _ in range(20)]
    gevent.joinall(asking, raise_error=True)
    assert {each.get().status for each in asking} <= {201, 409}
    assert len({each.get().body["id"] for each in asking if each.get().status == 201}) == 1
    assert len(desk.ask("GET", "/v1/webhooks").rows) == 1


@pytest.mark.parametrize("bad", ["", "x" * 256, "tab\there"], ids=["empty", "long", "tab"])
def test_a_bad_idempotency_key_is_refused(desk: Desk, bad: str) -> None:
    said = desk.ask("POST", "/v1/webhooks", wanted(), headers={"Idempotency-Key": bad})
    assert (said.status, said.body["code"]) == (400, "bad_idempotency_key")


def test_the_audit_list_says_who_changed_what(desk: Desk) -> None:
    made = desk.made()["id"]
    token = key(desk, "admin")
    desk.ask("PATCH", f"/v1/webhooks/{made}", {"description": "x", "timeout": 3}, token=token)
    desk.ask("PATCH", f"/v1/webhooks/{made}", {"timeout": 99}, token=token)
    desk.ask("GET", f"/v1/webhooks/{made}/secret")
    desk.ask("DELETE", f"/v1/webhooks/{made}", token=token)
    id = desk.ask("GET", "/v1/keys").rows[0]["id"]
    rows = desk.ask("GET", "/v1/audit").rows
    assert [(row["who"], row["what"], row["target"], row["fields"]) for row in rows] == [
        (id, "webhooks_delete", made, []),
        ("bootstrap", "webhook_actions_secret", made, []),
        (id, "webhooks_update", made, ["description", "timeout"]),
        ("bootstrap", "keys_create", id, ["name", "scope"]),
        ("bootstrap", "webhooks_create", made, ["events", "url"]),
    ]
    assert {row["address"] for row in rows} == {"127.0.0.1"}
    first = desk.ask("GET", "/v1/audit?limit=3")
    second = desk.ask("GET", f"/v1/audit?limit=3&cursor={first.body['next_cursor']}")
    assert first.rows + second.rows == rows


def contents(redis: Redis) -> Iterator[object]:
    """All that Redis holds, as it holds it."""
    for name in redis.keys("*"):
        match redis.type(name):
            case b"hash":
                yield redis.hgetall(name)
            case b"string":
                yield redis.get(name)
            case b"stream":
                yield redis.xrange(name)
            case b"zset":
                yield redis.zrange(name, 0, -1)
            case kind:
                raise AssertionError(f"{name!r} is a {kind!r}")


def test_no_secret_is_in_redis_in_the_clear(desk: Desk) -> None:
    made = desk.made(headers={"X-Api-Key": "hush-hush"})
    desk.ask("POST", "/v1/connections", {"kind": "rtm", "token": "xoxb-hush-hush"})
    desk.ask("POST", f"/v1/webhooks/{made['id']}/rotate-secret", {}, headers={"Idempotency-Key": "k"})
    everything = repr(list(contents(desk.store.client.redis)))
    for secret in ("hush-hush", str(made["secret"]), TOKEN):
        assert secret not in everything
    assert URL in everything  # what is no secret can be seen: this looks in the right place


def test_a_webhook_in_the_store_is_not_made_by_looking(desk: Desk) -> None:
    desk.store.webhooks.add(webhook("wh_1"))
    assert desk.ask("GET", "/v1/audit").rows == []
