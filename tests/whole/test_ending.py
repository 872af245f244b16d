"""SIGTERM ends a relay in time, whatever hangs: endpoints, Redis, both. A platform kills after 30 s."""

import signal

import pytest
from gevent.event import Event

from relay.core.webhook import Json
from relay.simulator.options import APP_TOKEN, BOT_TOKEN
from relay.simulator.slack import SimulatedSlack
from tests.receivers import Answer, Got, Receiver
from tests.servers import RedisServer
from tests.waiting import until
from tests.whole.api import call
from tests.whole.program import Program
from tests.whole.steady import Talk

ENDS_WITHIN_S = 10.0
"""Three seconds that it is given, three more for the last words to a Redis that stands still, and a busy machine's
share; without the setting it would take twenty.
"""


@pytest.mark.parametrize("redis_hangs", [False, True], ids=["redis is there", "redis hangs too"])
def test_endpoints_that_hang_do_not_hold_up_the_end(
    slack: SimulatedSlack, own_redis: RedisServer, *, redis_hangs: bool
) -> None:
    tokens = {"SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_APP_TOKEN": APP_TOKEN}
    env = {"SLACK_API_URL": slack.api_url, "REDIS_URL": own_redis.url, **tokens, "RELAY_SHUTDOWN_TIMEOUT": "3s"}
    over = Event()

    def hang(_: Got) -> Answer:
        over.wait()
        return Answer()

    with Receiver(hang) as receiver, Program("serve", env) as relay:
        until(lambda: len(slack.lines) == 2, saying="both connections are up")
        wanted: Json = {"url": receiver.url, "events": ["message"], "timeout": 30, "max_in_flight": 50}
        for _ in range(10):
            assert call(relay.address, "POST /v1/webhooks", wanted).status == 201
        with Talk(slack, rate=100):
            receiver.wait_for(200)
            if redis_hangs:
                own_redis.pause()
            assert relay.end(signal.SIGTERM, ENDS_WITHIN_S) == 0
        over.set()
        own_redis.resume()
