"""The door: who is let in, and how a request that is none is refused."""

from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from relay.admin.facts import RequestFailed
from tests.edges.desk import TOKEN, URL, Desk, open_desk
from tests.servers import RedisServer
from tests.waiting import until


@pytest.fixture
def desk(redis_url: str) -> Iterator[Desk]:
    with open_desk(redis_url) as desk:
        yield desk


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Basic " + TOKEN, TOKEN, "Bearer wrong", "Bearer ÿ"]
)
def test_without_a_right_token_nobody_comes_in(desk: Desk, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path in (("GET", "/v1/webhooks"), ("POST", "/v1/webhooks"), ("GET", "/v1/deliveries/x")):
        said = desk.ask(method, path, token=None, headers=headers)
        assert (said.status, said.body["code"]) == (401, "unauthorized")
        assert said.headers["www-authenticate"].startswith("Bearer")
        assert TOKEN.encode() not in said.raw


def test_the_scheme_of_a_token_is_written_in_any_case(desk: Desk) -> None:
    assert desk.ask("GET", "/v1/webhooks", token=None, headers={"Authorization": f"bearer {TOKEN}"}).status == 200


def test_who_guesses_is_slowed_down_and_who_knows_is_not(desk: Desk) -> None:
    assert desk.ask("GET", "/v1/webhooks").status == 200
    statuses = [desk.ask("GET", "/v1/webhooks", token=f"guess {number}").status for number in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    refused = desk.ask("GET", "/v1/webhooks", token="guess")
    assert refused.body["code"] == "too_many_requests"
    assert 0 < int(refused.headers["retry-after"]) <= 12
    assert desk.ask("GET", "/v1/webhooks").status == 200
    desk.ahead_s = 12
    assert desk.ask("GET", "/v1/webhooks", token="guess").status == 401


def test_a_platforms_router_is_not_blamed_for_its_clients(desk: Desk) -> None:
    def guess(address: str) -> int:
        return desk.ask("GET", "/v1/webhooks", token="x", headers={"X-Forwarded-For": f"8.8.8.8, {address}"}).status

    assert [guess("203.0.113.1") for _ in range(11)][-1] == 429
    assert guess("203.0.113.2") == 401


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "invalid_json"),
        (b"", "application/json", 400, "invalid_json"),
        (b'{"url": "\xff"}', "application/json", 400, "invalid_json"),
        (b'{"url": "\\ud800", "events": ["*"]}', "application/json", 400, "invalid_json"),
        (b"[" * 100_000, "application/json", 400, "invalid_json"),
        (b'{"filter":' * 50_000, "application/json", 413, "request_entity_too_large"),
        (b"[]", "application/json", 422, "validation_failed"),
        (b"null", "application/json", 422, "validation_failed"),
        (b'{"timeout": NaN}', "application/json", 400, "invalid_json"),
        (b'{"timeout": -Infinity}', "application/json", 400, "invalid_json"),
        (b'{"timeout": 1e999}', "application/json", 400, "invalid_json"),
        (b'{"a": 1' + b"0" * 5000 + b"}", "application/json", 400, "invalid_json"),
        (b'{"filter": {"a": ' * 10_000, "application/json", 400, "invalid_json"),
        (b'{"url": "a", "url": "b"}', "application/json", 422, "validation_failed"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b"url=x", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    ],
    ids=[
        *("cut", "empty", "not UTF-8", "surrogate", "deep", "large", "list", "null"),
        *("not a number", "infinite", "beyond a double", "5,000 digits", "deep and cut", "named twice", "text", "form"),
    ],
)
def test_a_body_that_is_none_is_refused(desk: Desk, body: bytes, kind: str, status: int, code: str) -> None:
    said = desk.ask("POST", "/v1/webhooks", body, headers={"Content-Type": kind})
    assert (said.status, said.body["code"], said.body["status"]) == (status, code, status)
    assert said.headers["content-type"] == "application/problem+json"


def test_a_path_that_is_too_long_is_refused_as_a_problem(desk: Desk) -> None:
    said = desk.ask("GET", f"/v1/webhooks?cursor={'x' * 10_000}")
    assert (said.status, said.body["code"]) == (414, "request_uri_too_long")


def test_json_with_a_charset_is_json(desk: Desk) -> None:
    said = desk.ask("POST", "/v1/webhooks", b"{}", headers={"Content-Type": "application/json; charset=utf-8"})
    assert said.status == 422


def test_unknown_paths_and_methods_are_refused_as_problems(desk: Desk) -> None:
    nowhere = desk.ask("GET", "/v1/nothing?token=secret")
    assert (nowhere.status, nowhere.body["code"]) == (404, "not_found")
    assert b"secret" not in nowhere.raw
    method = desk.ask("PUT", "/v1/webhooks")
    assert (method.status, method.body["code"]) == (405, "method_not_allowed")
    assert "POST" in method.headers["allow"]


@pytest.mark.parametrize("id", ["wh_none", "x", "%00", "%FF", "..%2f..", "a" * 3000, "wh_\u200b".encode().hex()])
def test_an_unknown_id_is_not_found_whatever_it_is(desk: Desk, id: str) -> None:
    for noun in ("webhooks", "connections", "events", "deliveries"):
        assert desk.ask("GET", f"/v1/{noun}/{id}").status == 404


def test_health_and_document_need_no_token(desk: Desk) -> None:
    assert desk.ask("GET", "/healthz", token=None).body == {"status": "ok", "version": "1.2.3"}
    assert desk.ask("GET", "/readyz", token=None).body["ready"] is True
    assert desk.ask("GET", "/openapi.json", token=None).body["openapi"] == "3.1.0"


def test_while_redis_is_away_the_answer_is_503_and_it_recovers_by_itself(own_redis: RedisServer) -> None:
    with open_desk(own_redis.url) as desk:
        made = desk.made()
        own_redis.kill()
        for method, path in (("GET", "/v1/webhooks"), ("GET", f"/v1/webhooks/{made['id']}"), ("GET", "/v1/events")):
            said = desk.ask(method, path)
            assert (said.status, said.body["code"]) == (503, "service_unavailable")
            assert int(said.headers["retry-after"]) >= 1
        assert desk.ask("POST", "/v1/webhooks", {"url": URL, "events": ["*"]}).status == 503
        assert desk.ask("GET", "/healthz", token=None).status == 200
        own_redis.restart()
        until(lambda: desk.ask("GET", "/v1/webhooks").status == 200)
        assert [row["id"] for row in desk.ask("GET", "/v1/webhooks").rows] == [made["id"]]


def test_one_connection_carries_many_requests_also_after_a_refusal(desk: Desk) -> None:
    connection = HTTPConnection(urlsplit(desk.url).netloc, timeout=10)
    sent = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    try:
        for body, status in ((b"{", 400), (b"{}", 422), (b'{"x":1}', 422)):
            connection.request("POST", "/v1/webhooks", body, sent)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status
    finally:
        connection.close()


def test_a_bug_is_reported_and_answered_without_a_trace(desk: Desk) -> None:
    del desk.readiness  # now looking for it is an error that nobody expects
    said = desk.ask("GET", "/readyz?token=hush", token=None)
    assert (said.status, said.body["code"]) == (500, "internal_server_error")
    assert b"Attribute" not in said.raw
    fact = desk.facts.pop()
    assert isinstance(fact, RequestFailed)
    assert (fact.method, fact.path, fact.error) == ("GET", "/readyz", "AttributeError")
