"""Redis loses a master while people talk: the relay goes on with the one that takes over.

What Redis itself may lose then (it tells us "written" before a replica has it) takes the loss of a machine, or a write
in the very microseconds before; what a process that is killed had written, its replicas get. So here nothing is lost.
Doubled can be what was in flight: a callback whose outcome could not be written down goes out again.
"""

from collections.abc import Callable

from relay.core.webhook import Json
from relay.simulator.options import APP_TOKEN, BOT_TOKEN
from relay.simulator.slack import SimulatedSlack
from relay.store.connections import DEFAULT_RTM, DEFAULT_SOCKET_MODE
from relay.store.keys import Keys
from tests.constellations import Cluster, Node, Sentinels
from tests.receivers import Receiver
from tests.waiting import until
from tests.whole.api import call
from tests.whole.program import Program
from tests.whole.steady import Talk, tally

RATE = 100.0
IN_FLIGHT = 50
"""More than that were never under way at this rate."""


def test_a_master_that_sentinels_watch_dies(slack: SimulatedSlack) -> None:
    with Sentinels() as redises:
        survive(slack, redises.url, lambda: redises.master)


def test_a_master_of_a_cluster_dies(slack: SimulatedSlack) -> None:
    with Cluster() as redises:
        survive(slack, redises.url, lambda: redises.node_of(Keys(0)("journal")))


def survive(slack: SimulatedSlack, url: str, victim: Callable[[], Node]) -> None:
    env = {"SLACK_API_URL": slack.api_url, "REDIS_URL": url}
    tokens = {"SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_APP_TOKEN": APP_TOKEN}
    with Receiver() as rtm, Receiver() as socket_mode, Program("serve", env | tokens) as relay:
        until(lambda: len(slack.lines) >= 2, saying="both connections are up")
        for receiver, connection in ((rtm, DEFAULT_RTM), (socket_mode, DEFAULT_SOCKET_MODE)):
            wanted: Json = {"url": receiver.url, "events": ["message"], "connections": [connection]}
            assert call(relay.address, "POST /v1/webhooks", wanted).status == 201
        with Talk(slack, rate=RATE) as talk:
            rtm.wait_for(50)
            socket_mode.wait_for(50)
            victim().kill()
            before = talk.said
            until(lambda: talk.said > before + 2 * RATE, saying="two seconds have gone by")
            until(lambda: all(tally(before, one.got).lost == 0 for one in (rtm, socket_mode)))
        said = talk.said
        until(lambda: all(tally(said, one.got).lost == 0 for one in (rtm, socket_mode)), saying="all arrives")
        assert all(tally(said, one.got).doubled <= IN_FLIGHT for one in (rtm, socket_mode))
        assert call(relay.address, "GET /readyz", token=None).status == 200
        assert relay.end() == 0
