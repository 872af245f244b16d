"""A Redis that comes back empty, or not at once: the relay goes on by itself."""

from collections.abc import Iterator

import pytest

from relay.simulator.options import BOT_TOKEN
from relay.simulator.slack import SimulatedSlack
from tests.receivers import Receiver
from tests.servers import RedisServer
from tests.waiting import until
from tests.whole.api import call
from tests.whole.program import Program
from tests.whole.scene import speak


@pytest.fixture
def relay(slack: SimulatedSlack, own_redis: RedisServer) -> Iterator[Program]:
    env = {"SLACK_API_URL": slack.api_url, "SLACK_BOT_TOKEN": BOT_TOKEN, "REDIS_URL": own_redis.url}
    with Program("serve", env) as relay:
        relay.fact("connection_changed", status="connected")
        yield relay


def is_ready(relay: Program) -> bool:
    return call(relay.address, "GET /readyz", token=None).status == 200


def test_after_a_redis_that_lost_everything_events_arrive_again(
    slack: SimulatedSlack, relay: Program, own_redis: RedisServer
) -> None:
    own_redis.restart(empty=True)
    until(lambda: call(relay.address, "GET /v1/connections").body.get("data"), 40, saying="default is there again")
    until(lambda: is_ready(relay))
    with Receiver() as receiver:
        assert call(relay.address, "POST /v1/webhooks", {"url": receiver.url, "events": ["message"]}).status == 201
        speak(slack, "again")
        receiver.wait_for(1)


def test_while_redis_is_stopped_the_api_says_so_and_then_goes_on(relay: Program, own_redis: RedisServer) -> None:
    own_redis.stop()
    refused = call(relay.address, "GET /v1/webhooks")
    assert (refused.status, refused.headers["retry-after"].isdigit()) == (503, True)
    assert call(relay.address, "GET /healthz", token=None).status == 200
    assert call(relay.address, "GET /readyz", token=None).status == 503
    own_redis.start()
    until(lambda: call(relay.address, "GET /v1/webhooks").status == 200)
    until(lambda: is_ready(relay))


def test_a_relay_that_was_killed_is_not_ready_before_its_own_socket_is_open(
    slack: SimulatedSlack, own_redis: RedisServer, relay: Program
) -> None:
    relay.running.kill()
    relay.running.wait()
    env = {"SLACK_API_URL": slack.api_url, "SLACK_BOT_TOKEN": BOT_TOKEN, "REDIS_URL": own_redis.url}
    with Program("serve", env) as second:
        until(lambda: is_ready(second))
        speak(slack, "heard")
        until(lambda: call(second.address, "GET /v1/events?type=message").body.get("data"))
