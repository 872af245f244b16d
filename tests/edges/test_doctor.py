"""`relay doctor`: each thing that goes wrong in practice, made to go wrong, and what is said of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from gevent import socket
from gevent.server import StreamServer

from relay.cli import relay
from relay.core.webhook import Json
from relay.simulator.options import APP_TOKEN, BOT_TOKEN, SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from tests.servers import RedisServer

OUTSIDE = "0.0.0.0"  # noqa: S104  # nothing is bound


@pytest.fixture(scope="module")
def slack() -> Iterator[SimulatedSlack]:
    with SimulatedSlack(SimulatorOptions()) as slack:
        yield slack


@pytest.fixture
def sound(slack: SimulatedSlack, own_redis: RedisServer) -> dict[str, str]:
    """An environment in which nothing is wrong."""
    return {
        "REDIS_URL": own_redis.url,
        "SLACK_API_URL": slack.api_url,
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_APP_TOKEN": APP_TOKEN,
        "RELAY_ADMIN_TOKEN": "a token",
        "RELAY_SECRET_KEY": "a key",
        "HOST": OUTSIDE,
    }


def asked(env: dict[str, str], *options: str) -> Result:
    return CliRunner().invoke(relay, ["doctor", *options], env=env, prog_name="relay")


def findings(env: dict[str, str]) -> dict[str, tuple[str, str]]:
    """By name: the grade and the sentence."""
    rows: list[dict[str, Json]] = json.loads(asked(env, "--json").stdout)["data"]
    return {str(row["name"]): (str(row["grade"]), str(row["sentence"])) for row in rows}


def test_nothing_is_wrong_with_a_sound_environment(sound: dict[str, str]) -> None:
    said = asked(sound)
    assert (said.exit_code, said.stdout.count("ok ")) == (0, said.stdout.count("\n"))
    assert {grade for grade, _ in findings(sound).values()} == {"ok"}
    assert findings(sound).keys() == {
        "redis", "persistence", "eviction", "clock", "bot token", "app token", "admin token", "secret key",
    }  # fmt: skip


WRONG: list[tuple[dict[str, str], str, str, str]] = [
    ({"REDIS_URL": "redis://127.0.0.1:1"}, "redis", "broken", "Connection refused"),
    ({"REDIS_URL": "", "RELAY_DATA_DIR": "/proc/nowhere"}, "redis", "broken", "/proc/nowhere cannot be written"),
    ({"SLACK_BOT_TOKEN": "xoxb-not_allowed_token_type"}, "bot token", "broken", "Use Socket Mode"),
    ({"SLACK_BOT_TOKEN": "xoxb-token_revoked"}, "bot token", "broken", "token_revoked"),
    ({"SLACK_BOT_TOKEN": "xoxb-ratelimited"}, "bot token", "warning", "ask again in 30 s"),
    ({"SLACK_APP_TOKEN": "xapp-invalid_auth"}, "app token", "broken", "invalid_auth"),
    ({"SLACK_API_URL": "http://127.0.0.1:1/api/"}, "app token", "broken", "Check SLACK_API_URL"),
    ({"SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": ""}, "slack", "warning", "neither SLACK_BOT_TOKEN"),
    ({"RELAY_ADMIN_TOKEN": ""}, "admin token", "broken", "can be reached from outside"),
    ({"RELAY_SECRET_KEY": ""}, "secret key", "broken", "can be reached from outside"),
    ({"RELAY_ADMIN_TOKEN": "", "HOST": "127.0.0.1"}, "admin token", "warning", "on loopback that will do"),
    ({"RELAY_SECRET_KEY": "", "HOST": "127.0.0.1"}, "secret key", "warning", "on loopback that will do"),
]


@pytest.mark.parametrize(
    ("env", "name", "grade", "sentence"), WRONG, ids=[f"{name} {at}" for at, (_, name, _, _) in enumerate(WRONG)]
)
def test_what_is_wrong_with_the_environment_is_found(
    sound: dict[str, str], env: dict[str, str], name: str, grade: str, sentence: str
) -> None:
    found = findings(sound | env)
    assert found[name][0] == grade
    assert sentence in found[name][1]
    assert asked(sound | env).exit_code == (grade == "broken")


@pytest.mark.parametrize(
    ("name", "setting", "value", "grade", "sentence"),
    [
        ("persistence", "appendonly", "no", "broken", "a restart forgets everything"),
        ("eviction", "maxmemory-policy", "allkeys-lru", "broken", "allkeys-lru throws events away"),
        ("memory", "maxmemory", "100000", "warning", "% of maxmemory is in use"),
        ("redis", "requirepass", "another", "broken", "Check REDIS_URL"),
    ],
)
def test_what_is_wrong_with_redis_is_found(
    sound: dict[str, str], own_redis: RedisServer, name: str, setting: str, value: str, grade: str, sentence: str
) -> None:
    own_redis.client.config_set(setting, value)
    found = findings(sound)
    assert found[name][0] == grade
    assert sentence in found[name][1]


@contextmanager
def pretending(**facts: str) -> Iterator[str]:
    """The address of something that answers as a Redis with these facts, an hour ago."""
    then = str(int((datetime.now(UTC) - timedelta(hours=1)).timestamp()))
    told = "".join(f"{name}:{value}\r\n" for name, value in facts.items())
    answers = {b"INFO": f"${len(told)}\r\n{told}\r\n", b"TIME": f"*2\r\n${len(then)}\r\n{then}\r\n$1\r\n0\r\n"}

    def serve(peer: socket.socket, _: object) -> None:
        with peer, peer.makefile("rb") as asked:
            while count := asked.readline():
                words = [asked.read(int(asked.readline()[1:]) + 2)[:-2] for _ in range(int(count[1:]))]
                peer.sendall(answers.get(words[0].upper(), "-ERR unknown command\r\n").encode())

    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    try:
        yield f"redis://127.0.0.1:{server.server_port}?protocol=2"
    finally:
        server.stop()


def test_an_old_redis_and_a_clock_that_is_wrong_are_found(sound: dict[str, str]) -> None:
    with pretending(redis_version="6.0.16", aof_enabled="0", maxmemory_policy="noeviction") as url:
        found = findings(sound | {"REDIS_URL": url})
    assert found["redis version"] == ("broken", "6.0.16 is too old: relay needs 6.2 or newer.")
    assert found["clock"][0] == "broken"
    assert "run NTP" in found["clock"][1]
    assert found["persistence"][0] == "warning"  # it does not know CONFIG, as a managed service does not


def test_a_redis_that_says_little_is_not_praised(sound: dict[str, str]) -> None:
    with pretending(redis_version="7.2.4") as url:
        found = findings(sound | {"REDIS_URL": url})
    assert (found["persistence"][0], found["eviction"][0]) == ("warning", "warning")


def test_without_an_address_the_embedded_redis_is_looked_at(sound: dict[str, str], tmp_path: Path) -> None:
    grade, sentence = findings(sound | {"REDIS_URL": "", "RELAY_DATA_DIR": str(tmp_path)})["redis"]
    assert grade == "ok"
    assert sentence.startswith("embedded: ")
