"""Secrets stay where they belong: in no log, list, title, page or error, however talkative, and sealed in Redis."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest
from gevent.subprocess import run

from relay.core.webhook import Json
from relay.settings import BadSettings, read_settings
from relay.simulator.options import SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from tests.receivers import Answer, Got, Receiver
from tests.servers import RedisServer
from tests.waiting import until
from tests.whole.api import call
from tests.whole.program import Program
from tests.whole.scene import speak

HUSH = "hush"
"""What every secret of these tests holds."""
BOT, APP, BAD = "xoxb-1-hush", "xapp-1-hush", "xoxb-hush-token_revoked"
ADMIN = "hush-admin-token"
PASSWORD = "hush-password"
WEBHOOK = "whsec_hush" + "A" * 28
HEADERS: dict[str, Json] = {"Authorization": "Bearer hush-bearer", "X-Api-Key": 'hush-"key"'}

API = """
/v1/webhooks /v1/connections /v1/events /v1/deliveries /v1/replays /v1/keys /v1/audit /v1/stats /metrics /readyz
/healthz /openapi.json /docs /nothing
""".split()  # noqa: SIM905  # reads better
PAGES = ("/", "/webhooks", "/webhooks/wh_1", "/events", "/deliveries", "/connections", "/keys", "/live")


class Heard:
    """What was said, and where."""

    def __init__(self) -> None:
        self._texts: list[tuple[str, str]] = []

    def note(self, where: str, text: str) -> None:
        self._texts.append((where, text))

    def holds_none_of(self, *secrets: str) -> None:
        for where, text in self._texts:
            for secret in secrets:
                at = text.lower().find(secret.lower())
                assert at < 0, f"{where}: …{text[max(0, at - 300) : at + 100]}…"


@pytest.fixture
def slack() -> Iterator[SimulatedSlack]:
    with SimulatedSlack(SimulatorOptions(bot_tokens=(BOT,), app_tokens=(APP,))) as slack:
        yield slack


@pytest.fixture
def locked(own_redis: RedisServer) -> str:
    """The address of a Redis with a password; what it dumps is not compressed."""
    own_redis.client.config_set("rdbcompression", "no")
    own_redis.client.config_set("requirepass", PASSWORD)
    return own_redis.url.replace("unix://", f"unix://:{PASSWORD}@")


@pytest.fixture
def env(slack: SimulatedSlack, locked: str) -> dict[str, str]:
    return {
        "SLACK_API_URL": slack.api_url,
        "SLACK_BOT_TOKEN": BOT,
        "SLACK_APP_TOKEN": APP,
        "REDIS_URL": locked,
        "RELAY_ADMIN_TOKEN": ADMIN,
        "RELAY_SECRET_KEY": "hush-new-key,hush-old-key",
        "RELAY_LOG_LEVEL": "debug",
        "HTTPS_PROXY": "http://user:hush-proxy@127.0.0.1:1",
        "NO_PROXY": "127.0.0.1",
    }


def test_no_secret_is_said_by_a_relay_at_work_nor_kept_in_the_clear(
    slack: SimulatedSlack, env: Mapping[str, str], own_redis: RedisServer
) -> None:
    heard = Heard()
    with Program("serve", env) as relay, Receiver(_echo) as receiver:
        relay.fact("connection_changed", connection="con_default", status="connected")
        id, key = _make(relay, receiver, heard)
        relay.fact("connection_changed", status="failed")
        speak(slack, "is echoed with all headers, and refused")
        until(lambda: call(relay.address, "GET /v1/deliveries?status=dead", token=ADMIN).body["data"])
        _read_everything(relay.address, key, heard)
        cookie = _visit(relay.address, heard)
        heard.note("titles", _titles())
        for command in ("webhooks list", f"webhooks show {id} --json", "connections list", "doctor"):
            said = _typed(command, {**env, "RELAY_URL": relay.address})
            heard.note(command, said.stdout + said.stderr)
        heard.note("Redis", _dumped(own_redis))
        _break(own_redis, id)
        heard.note("a broken record", _got(relay.address, f"/v1/webhooks/{id}", ADMIN))
        relay.fact("request_failed")
        relay.end()
    heard.note("log", "\n".join(relay.said))
    heard.holds_none_of(HUSH, key, cookie)


@pytest.mark.parametrize(
    "wrong",
    [
        {"REDIS_URL": "redis://:hush@localhost:port"},
        {"REDIS_URL": "hush://user:hush@localhost"},
        {"SLACK_BOT_TOKEN": "xapp-hush"},
        {"SLACK_APP_TOKEN": HUSH},
        {"RELAY_ADMIN_TOKEN": HUSH, "RELAY_RETENTION": "x"},
    ],
    ids=["a port", "a scheme", "an app's token", "no token", "another"],
)
def test_no_secret_is_said_where_a_setting_cannot_be_read(wrong: dict[str, str]) -> None:
    with pytest.raises(BadSettings) as refused:
        read_settings(wrong)
    assert HUSH not in str(refused.value)


def test_no_secret_is_said_by_the_doctor_of_what_does_not_work(slack: SimulatedSlack) -> None:
    env = {"SLACK_API_URL": slack.api_url, "SLACK_BOT_TOKEN": BAD, "REDIS_URL": "redis://:hush@127.0.0.1:1"}
    said = _typed("doctor", env)
    assert said.returncode == 1
    assert HUSH not in (said.stdout + said.stderr).lower()


def test_no_secret_is_said_by_workers_that_redis_does_not_let_in(env: Mapping[str, str]) -> None:
    with Program("worker --processes 2", {**env, "REDIS_URL": env["REDIS_URL"].replace(PASSWORD, "hush-hush")}) as crew:
        crew.fact("away_now")
        seen = _titles()
        crew.end()
    assert HUSH not in (seen + "\n".join(crew.said)).lower()


def _echo(got: Got) -> Answer:
    """As many a page for developers does: all that came, and it came to nothing."""
    seen = json.dumps(got.headers).encode() + b"\n" + "\n".join(got.headers.values()).encode()
    return Answer(500, seen, (("X-Seen", got.headers["authorization"]),))


def _make(relay: Program, receiver: Receiver, heard: Heard) -> tuple[str, str]:
    """A webhook, tried, and a connection; the webhook's id and a new API key."""
    address = relay.address
    asked: dict[str, Json] = {"url": receiver.url, "events": ["message"], "headers": HEADERS, "secret": WEBHOOK}
    made = call(address, "POST /v1/webhooks", {**asked, "retry_schedule": [0]}, token=ADMIN)
    assert made.status == 201, made.body
    assert call(address, "POST /v1/connections", {"kind": "rtm", "token": BAD}, token=ADMIN).status == 201
    trial = call(address, f"POST /v1/webhooks/{made.body['id']}/test", token=ADMIN)
    assert trial.body["status"] == 500
    heard.note("a trial call", json.dumps(trial.body))
    wrong: dict[str, Json] = {
        "url": "http://u:hush@127.0.0.1/",
        "events": [],
        "secret": "hush",
        "headers": {"a b": HUSH},
    }
    heard.note("a refusal", json.dumps(call(address, "POST /v1/webhooks", wrong, token=ADMIN).body))
    heard.note("a refusal", json.dumps(call(address, "POST /v1/connections", {"token": HUSH}, token=ADMIN).body))
    heard.note("a guess", json.dumps(call(address, "GET /v1/webhooks", token="hush-guess").body))
    key = call(address, "POST /v1/keys", {"name": "reader", "scope": "admin"}, token=ADMIN)
    return str(made.body["id"]), str(key.body["key"])


def _read_everything(address: str, key: str, heard: Heard) -> None:
    for path in API:
        heard.note(path, _got(address, path, key))
    for kind in ("webhooks", "connections", "deliveries", "events"):
        rows = call(address, f"GET /v1/{kind}", token=key).body["data"]
        assert isinstance(rows, list)
        assert rows
        for row in rows:
            assert isinstance(row, dict)
            heard.note(f"one of {kind}", _got(address, f"/v1/{kind}/{row['id']}", key))


def _visit(address: str, heard: Heard) -> str:
    """As a browser does; its session's cookie."""
    jar = CookieJar()
    browser = build_opener(HTTPCookieProcessor(jar))
    with browser.open(f"{address}/sign-in", urlencode({"token": ADMIN}).encode(), timeout=10) as answer:
        heard.note("sign-in", answer.read().decode())
    for path in PAGES:
        with browser.open(address + path, timeout=10) as answer:
            heard.note(f"page {path}", answer.read().decode() + str(answer.headers))
    (cookie,) = jar
    return str(cookie.value)


def _got(address: str, path: str, token: str) -> str:
    request = Request(address + path, headers={"Authorization": f"Bearer {token}"})  # noqa: S310  # the test's own
    try:
        with build_opener().open(request, timeout=10) as answer:
            return f"{answer.headers}{answer.read().decode()}"
    except HTTPError as error:
        with error:
            return str(error.headers) + error.read().decode()


def _typed(command: str, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    around = {name: os.environ[name] for name in ("PATH", "HOME")} | dict(env)
    return run(
        [sys.executable, "-m", "relay", *command.split()], env=around, capture_output=True, text=True, check=False
    )


def _titles() -> str:
    """Of every process on the machine."""
    seen = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            seen.append((each / "cmdline").read_text() + (each / "comm").read_text())
        except OSError:
            continue
    return "\n".join(seen)


def _break(server: RedisServer, id: str) -> None:
    """A record such as no release has written, with secrets in it."""
    server.client.hset("relay:{g}:webhooks", id, f'1 {{"secrets": [["plain:{WEBHOOK}", null]], "headers": "plain:hush"')


def _dumped(server: RedisServer) -> str:
    """Every key as Redis would write it to disk."""
    return "\n".join(f"{key!r} {server.client.dump(key)!r}" for key in server.client.scan_iter(count=1000))
