"""What each release has left behind is read by this one: shown as it was, and worked on."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from relay import __version__
from relay.core.webhook import Json
from relay.simulator.slack import SimulatedSlack
from relay.store.client import Client, StoreOptions
from relay.store.errors import StoreAway
from relay.store.keys import Keys
from relay.store.records import VERSION
from relay.store.reply import text
from tests.receivers import Receiver
from tests.servers import RedisServer
from tests.waiting import until
from tests.whole.api import call
from tests.whole.left_behind import RELEASES, Kept, ask_everything, environment, listed, restore
from tests.whole.program import Program
from tests.whole.steady import Talk


def differences(was: Json, now: Json, place: str = "") -> Iterator[str]:
    """Where `now` does not say what `was` said; what it says beside that is its own."""
    if isinstance(was, dict) and isinstance(now, dict):
        for name, value in was.items():
            told = still_valid(value) if name == "old_secrets" else value
            yield from differences(told, now.get(name), f"{place}.{name}")
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for number, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    elif was != now:
        yield f"{place}: {was!r} is now {now!r}"


def still_valid(secrets: Json) -> Json:
    """Those whose overlap with the newest has not ended since the release left them."""
    return [one for one in listed({"data": secrets}) if datetime.fromisoformat(str(one["until"])) > datetime.now(UTC)]


@pytest.mark.parametrize("file", sorted(RELEASES.glob("*.json")), ids=lambda file: file.stem)
def test_what_a_release_left_behind_is_shown_as_it_was_and_worked_on(
    file: Path, slack: SimulatedSlack, own_redis: RedisServer
) -> None:
    left = json.loads(file.read_text(encoding="ascii"))
    said: dict[str, Json] = left["said"]
    kept: Kept = left["kept"]
    restore(own_redis.client, kept)
    env = environment(own_redis.url, slack)
    with Program("web", env) as web:
        now = ask_everything(web.address)
        assert not list(differences(said, now))
    with Receiver() as receiver, Program("serve", env) as relay:
        for webhook in listed(said["GET /v1/webhooks?limit=200"]):
            change: Json = {"url": receiver.url, "retry_schedule": [1, 1]}
            assert call(relay.address, f"PATCH /v1/webhooks/{webhook['id']}", change).status == 200
            assert call(relay.address, f"POST /v1/webhooks/{webhook['id']}/enable", {"drain": True}).status == 200
        until(lambda: len(slack.lines) == 2, saying="it connects with the tokens that were kept")
        until(lambda: ledger(relay, "outstanding", "held") == [0, 0] and not replaying(relay))
        with Talk(slack, rate=50) as talk:
            until(lambda: talk.said >= 10)
        events = ledger(relay, "events")[0]
        until(lambda: ledger(relay, "outstanding", "held") == [0, 0] and ledger(relay, "events")[0] >= events)
        received, *columns = ledger(relay, "received", "filtered", "delivered", "dead")
        assert received == sum(columns)
        assert not [fact for fact in relay.facts if fact["level"] == "error"]


def test_this_release_has_left_its_own() -> None:
    assert (RELEASES / f"{__version__}.json").is_file(), "run python -m tests.whole.left_behind"


def ledger(relay: Program, *columns: str) -> list[int]:
    answer = call(relay.address, "GET /v1/stats").body
    return [int(str(answer[column])) for column in columns]


def replaying(relay: Program) -> list[Json]:
    return [row["id"] for row in listed(call(relay.address, "GET /v1/replays").body) if row["status"] == "running"]


def test_what_a_newer_release_keeps_is_left_alone(redis_url: str) -> None:
    client = Client(StoreOptions(url=redis_url))
    client.redis.set(Keys("g")("version"), VERSION + 1)
    with pytest.raises(StoreAway, match="newer release"):
        client.shards()
    client.close()


def test_a_field_that_a_newer_release_has_added_is_left_aside(slack: SimulatedSlack, own_redis: RedisServer) -> None:
    with Program("web", environment(own_redis.url, slack)) as web:
        made = call(web.address, "POST /v1/webhooks", {"url": "https://127.0.0.1/", "events": ["*"]})
        assert made.status == 201, made.body
        name, id = Keys("g")("webhooks"), str(made.body["id"])
        version, record = text(own_redis.client.hget(name, id)).split(" ", 1)
        own_redis.client.hset(name, id, f"{version} " + json.dumps(json.loads(record) | {"colour": "blue"}))
        assert call(web.address, f"GET /v1/webhooks/{id}").body["events"] == ["*"]
