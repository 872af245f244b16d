"""Two workers under traffic, killed in turn with SIGKILL: no event is lost, none is stored twice."""

import json
import signal
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack

from relay.simulator.options import BOT_TOKEN, SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from relay.store.client import Client, StoreOptions
from relay.store.journal import Journal
from tests.servers import RedisServer
from tests.waiting import until
from tests.whole.program import Program

RATE = 200.0  # events a second
MADE_BY_US = ("event_ts", "channel_type")


def told(event: Mapping[str, object]) -> str:
    """What Slack said, without what the relay adds."""
    return json.dumps({name: value for name, value in event.items() if name not in MADE_BY_US}, sort_keys=True)


def stored(journal: Journal) -> Counter[str]:
    entries = journal.oldest("-", "+", 1_000_000)
    known = journal.envelopes([entry.event_id for entry in entries])
    ours = [entry for entry in entries if entry.connection and entry.kind != "app_mention"]
    return Counter(told(json.loads(known[entry.event_id].body)["event"]) for entry in ours)


def hear_traffic(slack: SimulatedSlack, events: int) -> None:
    enough = slack.emitted_count + events
    until(lambda: slack.emitted_count > enough, 20.0, saying="there is traffic")


def test_two_workers_killed_in_turn_lose_nothing_and_double_nothing(own_redis: RedisServer) -> None:
    with ExitStack() as running, SimulatedSlack(SimulatorOptions(remembered=1_000_000)) as slack:
        client = Client(StoreOptions(url=own_redis.url))
        running.callback(client.close)
        env = {"REDIS_URL": own_redis.url, "SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_API_URL": slack.api_url}
        workers = [running.enter_context(Program("worker", env)) for _ in range(2)]
        until(lambda: len(slack.rtm.connections) == 2, 20.0, saying="both workers hear Slack")
        slack.people.rate = RATE
        for place in (0, 1):
            hear_traffic(slack, 400)
            workers[place].end(signal.SIGKILL)
            until(lambda: len(slack.rtm.connections) == 1)
            workers[place] = running.enter_context(Program("worker", env))
            until(lambda: len(slack.rtm.connections) == 2, 30.0, saying="the killed worker's place is taken")
        slack.people.rate = 0.0
        sent = Counter(told(event) for event in slack.emitted if event["type"] != "presence_change")
        journal = Journal(client)
        until(lambda: stored(journal).total() >= sent.total(), 10.0, saying="everything is stored")
        assert stored(journal) == sent
        assert sent.total() > 2 * RATE
        for worker in workers:
            assert worker.end() == 0
