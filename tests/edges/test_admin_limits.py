"""Limits: what is just within passes, what is just beyond is refused, by name; each is in the document."""

import re
from collections.abc import Iterator
from time import time

import pytest

from relay.admin.connections import MOST_CONNECTIONS
from relay.admin.intake import BODY_BYTES
from relay.admin.keys import MOST_KEYS
from relay.admin.limits import LIMITS
from relay.core.apikey import ApiKey, Scope, hash_token
from relay.core.connection import Connection, Kind
from relay.core.ids import ConnectionId, KeyId
from relay.core.webhook import Json
from relay.store.apikeys import ApiKeys
from tests.edges.desk import TOKEN, URL, Desk, open_desk, wanted
from tests.edges.raw import connected


@pytest.fixture
def desk(redis_url: str) -> Iterator[Desk]:
    with open_desk(redis_url) as desk:
        yield desk


def numbered(count: int, start: str) -> list[Json]:
    return [f"{start}{number}" for number in range(count)]


def long_url(chars: int) -> str:
    return URL + "?" + "x" * (chars - len(URL) - 1)


def deep(levels: int) -> Json:
    pattern: Json = [1]
    for _ in range(levels):
        pattern = {"a": pattern}
    return pattern


FULL: dict[str, tuple[Json, Json]] = {
    "url": (long_url(2048), long_url(2049)),
    "events": (numbered(64, "e"), numbered(65, "e")),
    "channels": (numbered(1000, "C"), numbered(1001, "C")),
    "headers": ({f"X-{n}": "v" for n in range(32)}, {f"X-{n}": "v" for n in range(33)}),
    "headers, one": ({"X-A": "v" * 4096}, {"X-A": "v" * 4097}),
    "filter, conditions": ({"a": list(range(512))}, {"a": list(range(513))}),
    "filter, characters": ({"a": ["x" * 8191]}, {"a": ["x" * 8192]}),
    "filter, levels": (deep(17), deep(18)),
    "description": ("x" * 500, "x" * 501),
    "retry_schedule": ([1] * 20, [1] * 21),
}


@pytest.mark.parametrize("name", FULL)
def test_a_webhook_holds_so_much_and_no_more(desk: Desk, name: str) -> None:
    within, beyond = FULL[name]
    field = name.partition(",")[0]
    assert desk.ask("POST", "/v1/webhooks", wanted(**{field: within})).status == 201
    refused = desk.ask("POST", "/v1/webhooks", wanted(**{field: beyond}))
    assert refused.status == 422
    assert [name.partition(".")[0] for name in refused.wrong] == [field]


def test_a_webhook_names_a_hundred_connections_and_no_more(desk: Desk) -> None:
    for name in numbered(100, "c"):
        desk.ask("POST", "/v1/connections", {"kind": "rtm", "token": "xoxb-1", "name": name})
    assert desk.ask("POST", "/v1/webhooks", wanted(connections=numbered(100, "c"))).status == 201
    assert list(desk.ask("POST", "/v1/webhooks", wanted(connections=numbered(101, "c"))).wrong) == ["connections"]


def test_a_relay_keeps_so_many_webhooks_and_no_more(redis_url: str) -> None:
    with open_desk(redis_url, most_webhooks=2) as desk:
        said = [desk.ask("POST", "/v1/webhooks", wanted()) for _ in range(3)]
        assert [each.status for each in said] == [201, 201, 409]
        assert said[-1].body["code"] == "too_many_webhooks"
        desk.ask("DELETE", str(said[0].headers["location"]))
        assert desk.ask("POST", "/v1/webhooks", wanted()).status == 201


def test_a_relay_keeps_so_many_keys_and_no_more(desk: Desk) -> None:
    keys = ApiKeys(desk.store.client)
    for number in range(MOST_KEYS - 1):
        name = f"key_{number}"
        keys.add(ApiKey(id=KeyId(name), name=name, scope=Scope.READ, hash=hash_token(name), created_at=time()))
    said = [desk.ask("POST", "/v1/keys", {"name": "x", "scope": "read"}) for _ in range(2)]
    assert [each.status for each in said] == [201, 409]
    assert said[-1].body["code"] == "too_many_keys"


def test_a_relay_holds_so_many_connections_and_no_more(desk: Desk) -> None:
    for number in range(MOST_CONNECTIONS - 1):
        desk.connections.add(Connection(id=ConnectionId(f"con_{number}"), kind=Kind.RTM, token="xoxb-1"))
    said = [desk.ask("POST", "/v1/connections", {"kind": "rtm", "token": "xoxb-1"}) for _ in range(2)]
    assert [each.status for each in said] == [201, 409]
    assert said[-1].body["code"] == "too_many_connections"


def test_a_body_is_read_up_to_its_limit(desk: Desk) -> None:
    assert desk.ask("POST", "/v1/webhooks", b"{}".ljust(BODY_BYTES)).status == 422
    assert desk.ask("POST", "/v1/webhooks", b"{}".ljust(BODY_BYTES + 1)).status == 413


@pytest.mark.parametrize("framing", [b"Content-Length: 104857600", b"Transfer-Encoding: chunked"])
def test_a_hundred_megabytes_are_refused_before_they_have_come(desk: Desk, framing: bytes) -> None:
    head = b"POST /v1/webhooks HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer " + TOKEN.encode()
    head += b"\r\nContent-Type: application/json\r\n" + framing + b"\r\n\r\n"
    piece = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    with connected(int(desk.url.rpartition(":")[2]), head) as client:
        try:
            client.sendall(piece * 3)
        except OSError:
            pass  # it has heard enough
        assert client.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_every_limit_is_in_the_document_and_on_its_page(desk: Desk) -> None:
    about = str(desk.ask("GET", "/openapi.json", token=None).body["info"]["description"])  # type: ignore[index,call-overload]
    page = re.sub(r"<[^>]+>", "", desk.ask("GET", "/docs", token=None).raw.decode()).replace("&#39;", "'")
    for limit in LIMITS:
        assert f"| {limit.of} | {limit.most} | {limit.beyond} |" in about
        assert limit.of.replace("`", "") in page
        assert limit.most in page
