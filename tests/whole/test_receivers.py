"""docs/receivers: each function as its page shows it, run as its platform runs it, called by a real relay."""

import json
import runpy
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
import redis
from gevent.pywsgi import WSGIServer

from relay.core.signing import KeyRing, read_secret, sign_slack, sign_standard
from relay.core.webhook import Json
from relay.simulator.options import BOT_TOKEN, SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from tests.receivers import Receiver
from tests.servers import RedisServer
from tests.waiting import until
from tests.whole.api import call
from tests.whole.clouds.host import Host, furnish, unpack
from tests.whole.program import Program

SECRET = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
CLOUDS = Path(__file__).parent / "clouds"
PYTHON = ["receive", "receive/base64", "bolt_app", "bolt_app/base64", "cloud-run"]
NODE = ["receive.js", "receive.js/base64", "bolt_app.js", "bolt_app.js/base64", "vercel", "worker"]
PLACES = [*PYTHON, *NODE]


class Upstash:
    """A Redis behind a REST API that takes a command and answers with its result."""

    def __init__(self, url: str) -> None:
        self.away = False
        self._redis = redis.Redis.from_url(url, decode_responses=True)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self.away or environ["HTTP_AUTHORIZATION"] != "Bearer the-token":
            start_response("503 Service Unavailable", [("Content-Length", "0")])
            return [b""]
        said = self._redis.execute_command(*map(str, json.loads(environ["wsgi.input"].read())))
        start_response("200 OK", [("Content-Type", "application/json"), ("Connection", "close")])
        return [json.dumps({"result": "OK" if said is True else said}).encode()]


@dataclass(frozen=True, slots=True)
class Stage:
    """A relay whose webhooks lead to each function."""

    folder: Path
    slack: SimulatedSlack
    relay: Program
    upstash: Upstash
    hosts: tuple[Host, Host]

    def url(self, place: str) -> str:
        tail = "/slack/events" if place == "cloud-run" else ""
        return self.host(place).url(place) + tail

    def host(self, place: str) -> Host:
        return self.hosts[place in NODE]

    def worked(self, place: str) -> int:
        """How often the function did its work."""
        return sum(self.host(place).worked.get(place, {}).values())

    def register(self) -> None:
        """A webhook for each function, which answers Slack's challenge first."""
        for place in PLACES:
            wanted: dict[str, Json] = {"url": self.url(place), "events": ["message"], "secret": SECRET, "verify": True}
            made = call(self.relay.address, "POST /v1/webhooks", wanted)
            assert made.status == 201, (place, made.body, self.host(place).said)

    def say(self, *texts: str) -> None:
        """In the workspace, and until each function has worked on it."""
        channel, user = self.slack.workspace.channels[0].id, self.slack.workspace.people[0].id
        before = {place: self.worked(place) for place in PLACES}
        for text in texts:
            stamp = self.slack.stamps.next(time())
            self.slack.emit({"type": "message", "channel": channel, "user": user, "text": text, "ts": stamp})
        until(
            lambda: all(self.worked(place) == before[place] + len(texts) for place in PLACES),
            saying=f"all work was done, by {[host.worked for host in self.hosts]}",
        )

    def let_them_fail(self, *, failing: bool) -> None:
        self.upstash.away = failing
        for host in self.hosts:
            assert send(host.url("queue/full" if failing else "queue/free"), {}, b"") == 200


@dataclass(frozen=True, slots=True)
class Letter:
    """A callback as the relay would sign it."""

    id: str
    body: bytes
    secret: str = SECRET
    sent_at: float = 0.0

    def headers(self) -> dict[str, str]:
        at, keys = int(self.sent_at or time()), KeyRing(read_secret(self.secret))
        return {
            "Content-Type": "application/json",
            "X-Slack-Request-Timestamp": str(at),
            "X-Slack-Signature": sign_slack(keys, at, self.body),
            "webhook-id": self.id,
            "webhook-timestamp": str(at),
            "webhook-signature": sign_standard(keys, self.id, at, body=self.body),
        }


def send(url: str, headers: dict[str, str], body: bytes) -> int:
    try:
        with urlopen(Request(url, body, headers), timeout=20) as answer:  # noqa: S310  # a function of the test's own
            return int(answer.status)
    except HTTPError as error:
        error.close()
        return error.code


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, witness: Path) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("pages")
    unpack(folder)
    furnish(folder, witness / "node_modules/@slack")
    with SimulatedSlack(SimulatorOptions()) as slack, RedisServer() as server:
        upstash = Upstash(server.url)
        marks = WSGIServer(("127.0.0.1", 0), upstash, log=None, error_log=None)
        marks.start()
        env = {
            "RELAY_SECRET": SECRET, "SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_API_URL": slack.api_url,
            "QUEUE": "projects/p/locations/l/queues/q", "WORK_URL": "https://work.example", "INVOKER": "us@example",
            "KV_REST_API_URL": f"http://127.0.0.1:{marks.server_port}", "KV_REST_API_TOKEN": "the-token",
        }  # fmt: skip
        given = {"SLACK_API_URL": slack.api_url, "SLACK_BOT_TOKEN": BOT_TOKEN, "REDIS_URL": server.url}
        try:
            with (
                Host([sys.executable, str(CLOUDS / "python.py"), str(folder)], env) as python,
                Host(["node", str(CLOUDS / "node.mjs"), str(folder)], env) as node,
                Program("serve", given) as relay,
            ):
                relay.fact("connection_changed", status="connected")
                stage = Stage(folder, slack, relay, upstash, (python, node))
                stage.register()
                yield stage
        finally:
            marks.stop(timeout=1)


@pytest.fixture(scope="module")
def body(stage: Stage) -> bytes:
    """Of a callback that the relay sent."""
    with Receiver() as receiver:
        made = call(stage.relay.address, "POST /v1/webhooks", {"url": receiver.url, "events": ["message"]})
        stage.say("once upon a time, in Köln ☔")
        (got,) = receiver.wait_for(1)
        call(stage.relay.address, f"DELETE /v1/webhooks/{made.body['id']}")
    return got.body


@pytest.fixture
def letter(body: bytes, request: pytest.FixtureRequest) -> Letter:
    """With an id that no function has seen."""
    return Letter(f"dlv_{abs(hash(request.node.name)):x}", body)


def test_each_function_answers_the_challenge_and_works_on_each_event_once(stage: Stage) -> None:
    stage.say("Grüße aus Köln ☔", "Straße", "plain")
    until(lambda: call(stage.relay.address, "GET /v1/stats").body["outstanding"] == 0)
    assert call(stage.relay.address, "GET /v1/deliveries?status=dead").body["data"] == []
    assert all(set(made.values()) == {1} for host in stage.hosts for made in host.worked.values())


@pytest.mark.parametrize("place", PLACES)
def test_a_repeat_is_answered_and_not_worked_on_again(stage: Stage, letter: Letter, place: str) -> None:
    before = stage.worked(place)
    for _ in range(2):
        assert send(stage.url(place), letter.headers(), letter.body) == 200
    until(lambda: stage.worked(place) == before + 1)


@pytest.mark.parametrize("place", PLACES)
def test_what_is_not_signed_by_the_secret_and_lately_is_refused(stage: Stage, letter: Letter, place: str) -> None:
    before = stage.worked(place)
    other = "whsec_" + "QUJD" * 10
    assert send(stage.url(place), replace(letter, secret=other).headers(), letter.body) == 401
    assert send(stage.url(place), letter.headers(), letter.body.replace(b"once", b"Once")) == 401
    assert send(stage.url(place), replace(letter, sent_at=time() - 360).headers(), letter.body) == 401
    assert send(stage.url(place), {"Content-Type": "application/json"}, letter.body) == 401
    assert stage.worked(place) == before


@pytest.mark.parametrize("place", PLACES)
def test_what_could_not_be_made_safe_is_not_said_to_be(stage: Stage, letter: Letter, place: str) -> None:
    before = stage.worked(place)
    stage.let_them_fail(failing=True)
    try:
        assert send(stage.url(place), letter.headers(), letter.body) >= 500
    finally:
        stage.let_them_fail(failing=False)
    assert send(stage.url(place), letter.headers(), letter.body) == 200
    until(lambda: stage.worked(place) == before + 1)


@pytest.mark.parametrize("place", ["receive", "receive.js", "cloud-run", "vercel", "worker"])
def test_while_a_secret_is_rotated_both_are_good(stage: Stage, letter: Letter, place: str) -> None:
    newest = replace(letter, secret="whsec_" + "QUJD" * 10).headers()
    both = f"{newest['webhook-signature']} {letter.headers()['webhook-signature']}"
    assert send(stage.url(place), letter.headers() | {"webhook-signature": both}, letter.body) == 200


def test_slacks_scheme_by_hand_is_as_the_page_has_it(stage: Stage, letter: Letter) -> None:
    verified = runpy.run_path(str(stage.folder / "README/v0.py"))["verified"]
    headers = {name.lower(): value for name, value in letter.headers().items()}
    assert verified(SECRET, headers, letter.body)
    assert not verified(SECRET, headers, letter.body + b" ")
    assert not verified(SECRET, headers | {"x-slack-request-timestamp": "soon"}, letter.body)
