"""docs/operations.md, command by command, against a relay and a Redis such as it is for."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from relay.core.connection import Connection, Kind
from relay.core.ids import ID_BYTES, ConnectionId, webhook_id
from relay.core.webhook import Json, SigningSecret, Webhook
from relay.simulator.options import BOT_TOKEN
from relay.simulator.slack import SimulatedSlack
from relay.store.client import Client, StoreOptions
from relay.store.connections import Connections
from relay.store.vault import Vault
from relay.store.webhooks import Webhooks
from tests.constellations import HOST, Node
from tests.receivers import Answer, Receiver
from tests.waiting import let_pass, until
from tests.whole.api import call
from tests.whole.program import ADMIN_TOKEN, Program
from tests.whole.steady import Talk
from tests.whole.terminal import Terminal, free_port, read

KEPT = ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"]
AT_ONCE = ["--repl-diskless-sync-delay", "0"]
OLD, NEW = "the-old-secret-key", "the-new-secret-key"


@pytest.fixture
def redis() -> Iterator[Node]:
    with Node(free_port(), [*KEPT, *AT_ONCE]) as node:
        yield node


def fill(redis: Node, receiver: Receiver) -> None:
    """What an earlier process has left, sealed with the key of then."""
    with closing(Client(StoreOptions(url=url_of(redis)))) as client:
        webhook = Webhook(
            id=webhook_id(bytes(ID_BYTES)),
            url=receiver.url,
            events=("message",),
            secrets=(SigningSecret(secret="whsec_" + "A" * 32),),
            headers=(("X-Of-Its-Own", "hush"),),
        )
        Webhooks(client, Vault((OLD,))).add(webhook)
        connection = Connection(id=ConnectionId("con_1"), kind=Kind.RTM, token="xoxb-1", name="other", paused=True)
        Connections(client, Vault((OLD,))).add(connection)


def test_every_command_of_the_page_does_what_it_says(redis: Node, slack: SimulatedSlack, tmp_path: Path) -> None:
    env = {
        "REDIS_URL": url_of(redis),
        "RELAY_SECRET_KEY": f"{NEW},{OLD}",
        "RELAY_ADMIN_TOKEN": ADMIN_TOKEN,
        "SLACK_API_URL": slack.api_url,
        "SLACK_BOT_TOKEN": BOT_TOKEN,
    }
    page = read("operations.md").replace("6399", str(free_port()))
    with Receiver() as receiver:
        fill(redis, receiver)
        with Program("serve", env) as relay:
            relay.fact("connection_changed", status="connected")
            with Talk(slack, rate=50) as talk:
                until(lambda: talk.said >= 20)
            until(lambda: call(relay.address, "GET /v1/stats").body["delivered"] == talk.said)
            with Terminal(tmp_path, env | {"RELAY_URL": relay.address}) as terminal:
                terminal.follow(page)
    opens_without_the_old_key(redis)


def test_with_a_wrong_secret_key_nothing_is_lost_and_everybody_is_told_why(
    slack: SimulatedSlack, redis_url: str
) -> None:
    env = {"REDIS_URL": redis_url, "SLACK_API_URL": slack.api_url}
    with Receiver(lambda _: Answer(500)) as failing:
        wanted: Json = {"url": failing.url, "events": ["message"], "retry_schedule": [1]}
        with Program("serve", env | {"RELAY_SECRET_KEY": OLD, "SLACK_BOT_TOKEN": BOT_TOKEN}) as relay:
            assert call(relay.address, "POST /v1/webhooks", wanted).status == 201
            with Talk(slack, rate=20):
                failing.wait_for(1)
            assert relay.end() == 0
        with Program("serve", env | {"RELAY_SECRET_KEY": NEW}) as relay:
            assert "RELAY_SECRET_KEY" in str(relay.fact("away_now", loop="work")["why"])
            for route in ("GET /readyz", "GET /v1/webhooks", "GET /v1/connections"):
                told = call(relay.address, route)
                assert told.status == 503
                assert "RELAY_SECRET_KEY" in str(told.body)
            tried = len(failing.got)
            let_pass(1.5)  # the retries are due
            assert len(failing.got) == tried
            assert not [fact for fact in relay.facts if fact["level"] == "error"]
        with Program("serve", env | {"RELAY_SECRET_KEY": f"{NEW},{OLD}"}) as relay:
            until(lambda: call(relay.address, "GET /v1/stats").body["dead"] == tried, saying="all was tried once more")


def opens_without_the_old_key(redis: Node) -> None:
    """What was sealed with the old key has been sealed anew."""
    with closing(Client(StoreOptions(url=url_of(redis)))) as client:
        assert len(Webhooks(client, Vault((NEW,))).all()) == 1
        assert len(Connections(client, Vault((NEW,))).all()) == 2


def url_of(redis: Node) -> str:
    return f"redis://{HOST}:{redis.port}"
