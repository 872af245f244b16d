"""The dashboard's door: who comes in, what a session may do, and what the pages forbid the browser."""

import re
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest

from tests.servers import RedisServer
from tests.whole.program import ADMIN_TOKEN, Program

PAGES = (
    "/", "/webhooks", "/events", "/live", "/connections", "/keys", "/webhooks/wh_1", "/events/Ev1", "/deliveries/dlv_1",
)  # fmt: skip


@pytest.fixture(scope="module")
def door() -> Iterator[Program]:
    """A relay that nobody changes: all who only look at its door share it."""
    with RedisServer() as redis, Program("serve", {"REDIS_URL": redis.url}) as relay:
        yield relay


def asked(door: Program, method: str, path: str, **headers: str) -> tuple[int, dict[str, str]]:
    """Status and headers, without following anything."""
    connection = HTTPConnection(door.address.removeprefix("http://"), timeout=10)
    body = urlencode({"token": ADMIN_TOKEN, "next": headers.pop("next", "/")}) if method == "POST" else None
    sent = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    connection.request(method, path, body, {**sent, **headers})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


def test_without_a_session_every_page_leads_to_the_door(door: Program) -> None:
    for path in PAGES:
        status, headers = asked(door, "GET", path)
        assert status == 303
        assert headers["location"].startswith("/sign-in")


def test_a_session_s_cookie_is_for_us_alone(door: Program) -> None:
    _, headers = asked(door, "POST", "/sign-in")
    assert re.match(r"relay_session=rk_\w+; HttpOnly; Path=/; SameSite=Lax$", headers["set-cookie"])
    _, headers = asked(door, "POST", "/sign-in", **{"X-Forwarded-Proto": "https"})
    assert headers["set-cookie"].startswith("__Host-relay_session=")
    assert "Secure;" in headers["set-cookie"]


@pytest.mark.parametrize("next", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"])
def test_signing_in_leads_to_no_other_site(door: Program, next: str) -> None:
    _, headers = asked(door, "POST", "/sign-in", next=next)
    assert headers["location"] == "/"


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_no_other_site_signs_anybody_in_or_out(door: Program, headers: dict[str, str]) -> None:
    assert asked(door, "POST", "/sign-in", **headers)[0] == 403
    assert "set-cookie" not in asked(door, "POST", "/sign-out", **headers)[1]


def test_a_session_changes_nothing_without_its_proof(door: Program) -> None:
    _, headers = asked(door, "POST", "/sign-in")
    cookie = headers["set-cookie"].partition(";")[0]
    assert asked(door, "GET", "/v1/webhooks", Cookie=cookie)[0] == 200
    assert asked(door, "DELETE", "/v1/webhooks/wh_1", Cookie=cookie)[0] == 403
    assert asked(door, "DELETE", "/v1/webhooks/wh_1", Cookie=cookie, **{"X-Relay-Proof": "rk_guess"})[0] == 403
    assert asked(door, "POST", "/sign-out", Cookie=cookie)[0] == 303
    assert asked(door, "GET", "/v1/webhooks", Cookie=cookie)[0] == 401


def test_pages_say_that_they_run_nothing_of_others(door: Program) -> None:
    _, headers = asked(door, "GET", "/sign-in")
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-frame-options"] == "DENY"


def test_guesses_are_slowed(relay: Program) -> None:
    with_wrong = "/sign-in?" + urlencode({"x": 1})
    statuses = []
    for _ in range(12):
        connection = HTTPConnection(relay.address.removeprefix("http://"), timeout=10)
        connection.request("POST", with_wrong, "token=wrong", {"Content-Type": "application/x-www-form-urlencoded"})
        statuses.append(connection.getresponse().status)
        connection.close()
    assert statuses[0] == 401
    assert statuses[-1] == 429
