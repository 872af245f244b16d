"""What a release leaves behind in Redis, for later ones to read: `python -m tests.whole.left_behind` runs this release
until everything that it stores is there, kills it, and keeps that, and what its API says of it, in
tests/whole/releases.

Run it once for each release, and never again: these files are the past.
"""

import tests.patched  # noqa: F401  # first, as in the program: what follows is patched

# isort: split
import json
from collections.abc import Mapping
from pathlib import Path
from signal import SIGKILL
from socket import gethostname
from typing import cast

import redis
from gevent.event import Event

from relay import __version__
from relay.core.webhook import Json
from relay.simulator.options import APP_TOKEN, BOT_TOKEN, SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from relay.store.reply import entries, integer, pairs, rows, text
from tests.receivers import Answer, Got, Receiver
from tests.servers import RedisServer
from tests.waiting import until
from tests.whole.api import call
from tests.whole.program import Program
from tests.whole.steady import Talk, text_of

RELEASES = Path(__file__).with_name("releases")
SAID = 12
"""Messages: few, and enough for every state."""

OF_CONNECTIONS = {"id", "kind", "name", "options", "created_at"}
"""What is asked of them; the rest is how they stand just now."""

SLOW = 6
"""Tries that are under way at the end: what `slow` has in flight, and one `in order` for each shard."""

LISTS = [
    f"GET /v1/{noun}?limit=200" for noun in ("webhooks", "connections", "keys", "events", "deliveries", "replays")
] + ["GET /v1/stats"]


def webhooks(url: str) -> list[dict[str, Json]]:
    """The settings that there are, on a few webhooks."""
    return [
        {"url": url + "mixed", "events": ["message"], "description": "mixed", "retry_schedule": [86400]},
        {
            "url": url + "slow",
            "events": ["message", "reaction_*"],
            "description": "slow",
            "connections": ["con_default"],
            "filter": {"event": {"text": [{"prefix": "number"}]}},
            "headers": {"X-Of-Its-Own": "hush"},
            "format": "cloudevents",
            "timeout": 30,
            "max_in_flight": 4,
            "rate_limit": 500,
        },
        {"url": url + "slow", "events": ["message"], "description": "in order", "order": "channel"},
        {"url": url + "later", "events": ["*"], "description": "later", "enabled": False, "reply": True},
    ]


def environment(redis_url: str, slack: SimulatedSlack) -> dict[str, str]:
    return {
        "REDIS_URL": f"{redis_url}?shards=2",
        "RELAY_SECRET_KEY": "the secret key of what was left behind",
        "RELAY_RETENTION": "20000d",  # what is old now will be older
        "SLACK_API_URL": slack.api_url,
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_APP_TOKEN": APP_TOKEN,
    }


def ask_everything(address: str) -> dict[str, Json]:
    """What the API says, by route."""
    said: dict[str, Json] = {route: call(address, route).body for route in LISTS}
    for connection in listed(said["GET /v1/connections?limit=200"]):
        for name in connection.keys() - OF_CONNECTIONS:
            del connection[name]
    hooks, sent = (listed(said[f"GET /v1/{noun}?limit=200"]) for noun in ("webhooks", "deliveries"))
    said |= {route: call(address, route).body for row in hooks for route in [f"GET /v1/webhooks/{row['id']}/secret"]}
    return said | {route: call(address, route).body for row in sent for route in [f"GET /v1/deliveries/{row['id']}"]}


def listed(answer: Json) -> list[dict[str, Json]]:
    """The rows of a list."""
    found = answer["data"] if isinstance(answer, dict) else None
    assert isinstance(found, list)
    return [row for row in found if isinstance(row, dict)]


def fill(redis_url: str) -> dict[str, Json]:
    """Run this release until all is there, and kill it; answers with what its API says then."""
    never = Event()

    def answer(got: Got) -> Answer:
        if got.path == "/slow":
            never.wait(60)
            return Answer()
        match int(text_of(got).split()[-1]) % 8:
            case 1:
                return Answer(500)
            case 3:
                return Answer(400, headers=(("X-Slack-No-Retry", "1"),))
            case 5:
                return Answer(404, b"unhandled request")
        return Answer()

    with SimulatedSlack(SimulatorOptions()) as slack, Receiver(answer) as receiver:
        env = environment(redis_url, slack)
        with Program("serve", env) as relay:
            until(lambda: len(slack.lines) == 2, saying="both connections are up")
            made = [call(relay.address, "POST /v1/webhooks", one).body for one in webhooks(receiver.url)]
            mixed = f"/v1/webhooks/{made[0]['id']}"
            assert call(relay.address, f"POST {mixed}/rotate-secret", {"overlap": "24h"}).status == 200
            assert call(relay.address, "POST /v1/keys", {"name": "reader", "scope": "read"}).status == 201
            with Talk(slack, rate=50) as talk:
                until(lambda: talk.said >= SAID)
            until(lambda: len(receiver.got) == 2 * talk.said + SLOW, saying="all is tried")
            pending = listed(call(relay.address, "GET /v1/deliveries?status=pending").body)
            assert call(relay.address, f"POST /v1/deliveries/{pending[0]['id']}/cancel").status == 200
            relay.end(SIGKILL)
        never.set()
        with Program("web", env) as web:
            begin = {"webhook": made[0]["id"], "since": "2020-01-01T00:00:00Z", "status": "dead"}
            assert call(web.address, "POST /v1/replays", begin).status == 202
            return ask_everything(web.address)


Kept = dict[str, dict[str, Json]]


def dump(client: redis.Redis) -> Kept:
    """Every key: its type, its TTL, what it holds. Bytes are written as Latin-1."""
    return {name.decode("latin-1"): _dumped(client, name) for name in sorted(client.scan_iter(count=1000))}


def _dumped(client: redis.Redis, name: bytes) -> dict[str, Json]:
    kind = text(client.type(name))
    held: Json
    match kind:
        case "string":
            held = _read(client.get(name))
        case "hash":
            held = {_read(field): _read(value) for field, value in pairs(client.hgetall(name)).items()}
        case "list":
            held = [_read(value) for value in rows(client.lrange(name, 0, -1))]
        case "set":
            held = list[Json](sorted(_read(value) for value in client.sscan_iter(name)))
        case "zset":
            held = {_read(one): score for one, score in client.zscan_iter(name)}
        case "stream":
            held = [
                [id, {_read(field): _read(value) for field, value in fields.items()}]
                for id, fields in entries(client.xrange(name))
            ]
        case _:
            raise ValueError(f"{name!r} is a {kind}")
    return {"type": kind, "ttl_ms": integer(client.pttl(name)), "held": held}


def restore(client: redis.Redis, kept: Kept) -> None:
    for name, record in kept.items():
        _restore(client, name.encode("latin-1"), record)


def _restore(client: redis.Redis, name: bytes, record: Mapping[str, Json]) -> None:
    held, ttl_ms = record["held"], record["ttl_ms"]
    match record["type"], held:
        case "string", str():
            client.set(name, held.encode("latin-1"))
        case "hash", dict():
            client.hset(name, mapping={field.encode("latin-1"): _written(value) for field, value in held.items()})
        case "list", list():
            client.rpush(name, *map(_written, held))
        case "set", list():
            client.sadd(name, *map(_written, held))
        case "zset", dict():
            client.zadd(name, {one.encode("latin-1"): cast(float, score) for one, score in held.items()})
        case "stream", list():
            for id, fields in cast(list[tuple[str, dict[str, str]]], held):
                client.xadd(name, {field.encode("latin-1"): _written(value) for field, value in fields.items()}, id=id)
    if isinstance(ttl_ms, int) and ttl_ms > 0:
        client.pexpire(name, ttl_ms)


def _read(value: object) -> str:
    return cast(bytes, value).decode("latin-1")


def _written(value: Json) -> bytes:
    return cast(str, value).encode("latin-1")


def main() -> None:
    with RedisServer() as server:
        said = fill(server.url)
        kept = dump(server.client)
    RELEASES.mkdir(exist_ok=True)
    file = RELEASES / f"{__version__}.json"
    whole = f'{{"said": {{\n{_lines(said)}\n}}, "kept": {{\n{_lines(kept)}\n}}}}\n'
    host = r"\"host\": \"{}\""  # in a record, in a string
    file.write_text(whole.replace(host.format(gethostname()), host.format("here")), encoding="ascii")
    print(f"{file.name}: {file.stat().st_size >> 10} KiB, {len(kept)} keys")


def _lines(rows: Mapping[str, Json] | Kept) -> str:
    """One for each."""
    return ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())


if __name__ == "__main__":
    main()
