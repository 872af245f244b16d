"""/metrics says what the ledger says: counted by several processes, which share nothing but Redis."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from relay.core import metrics
from relay.core.metrics import Metric
from relay.core.webhook import Json
from relay.simulator.options import BOT_TOKEN
from relay.simulator.slack import SimulatedSlack
from tests.receivers import Answer, Got, Receiver
from tests.waiting import until
from tests.whole.api import call
from tests.whole.browser import add_webhook
from tests.whole.program import Program
from tests.whole.scene import speak

EVENTS = 6
BEHAVIOUR = {"/well": 200, "/bad": 500, "/gone": 410}


class Find(Protocol):
    def __call__(self, metric: Metric, part: str = "", /, **labels: str) -> float:
        """The sum of a metric's samples with these labels; `part`: _count, _sum."""


@contextmanager
def web_and_workers(slack: SimulatedSlack, redis_url: str) -> Iterator[tuple[Program, list[Program]]]:
    """One connection, which both workers hear."""
    env = {"SLACK_API_URL": slack.api_url, "SLACK_BOT_TOKEN": BOT_TOKEN, "REDIS_URL": redis_url}
    with ExitStack() as stack:
        programs = [stack.enter_context(Program(command, env)) for command in ("web", "worker", "worker")]
        until(lambda: len(slack.lines) == 2, saying="both workers hear Slack")
        yield programs[0], programs[1:]


def scraped(web: Program) -> Find:
    with urlopen(web.address + "/metrics", timeout=20) as answer:  # noqa: S310  # a relay of the test's own
        families = list(text_string_to_metric_families(answer.read().decode()))
    samples = [sample for family in families for sample in family.samples]

    def find(metric: Metric, part: str = "", /, **labels: str) -> float:
        name = metric.name + part
        return sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())

    return find


def ledger(web: Program) -> dict[str, Json]:
    return call(web.address, "GET /v1/stats").body


def types_of_events(web: Program) -> list[str]:
    rows = call(web.address, "GET /v1/events?limit=200").body["data"]
    assert isinstance(rows, list)
    return [str(row["type"]) for row in rows if isinstance(row, dict)]


def answer(got: Got) -> Answer:
    return Answer(BEHAVIOUR[got.path])


def drive(web: Program, slack: SimulatedSlack, receiver: Receiver) -> int:
    """A bit of everything; how many were delivered for the first time, as they came."""
    root = receiver.url.rstrip("/")
    well = add_webhook(web, f"{root}/well", events=["message", "relay.webhook_disabled"])
    add_webhook(web, f"{root}/bad", retry_schedule=[])
    add_webhook(web, f"{root}/gone")
    add_webhook(web, f"{root}/well", events=["reaction_added"])
    for number in range(EVENTS):
        speak(slack, f"number {number}")
    until(lambda: ledger(web)["outstanding"] == 0 and ledger(web)["delivered"] == EVENTS + 1)
    call(web.address, f"POST /v1/webhooks/{well}/disable")
    speak(slack, "while it is disabled")
    until(lambda: ledger(web)["held"] == EVENTS + 2 and ledger(web)["dead"] == EVENTS + 1)
    call(web.address, f"POST /v1/webhooks/{well}/enable", {"drain": True})
    until(lambda: ledger(web)["delivered"] == EVENTS + 2)
    delivered = call(web.address, f"GET /v1/deliveries?webhook={well}&limit=1").body["data"]
    assert isinstance(delivered, list)
    (newest,) = delivered
    assert isinstance(newest, dict)
    assert call(web.address, f"POST /v1/deliveries/{newest['id']}/retry").status in {200, 202}
    until(lambda: len([got for got in receiver.got if got.path == "/well"]) == EVENTS + 3)
    until(lambda: ledger(web)["outstanding"] == 0)
    return EVENTS + 1  # and what the relay had to say about the webhook that was gone


def test_each_metric_means_what_its_page_says(slack: SimulatedSlack, redis_url: str, receiver: Receiver) -> None:
    receiver.answer = answer
    with web_and_workers(slack, redis_url) as (web, workers):
        timely = drive(web, slack, receiver)
        find = scraped(web)
        assert find(metrics.PROCESSES) == 3
        assert find(metrics.CONNECTION_UP) == 1
        for worker in workers:
            assert worker.end() == 0  # what it had not told, it tells now
        find, stands, kept = scraped(web), ledger(web), types_of_events(web)
    own = [kind for kind in kept if kind.startswith("relay.")]  # that the last worker ended is among them
    assert "relay.webhook_disabled" in own
    assert find(metrics.EVENTS_RECEIVED) == len(kept)
    assert find(metrics.EVENTS_RECEIVED, connection="relay") == len(own)
    assert find(metrics.EVENTS_DEDUPLICATED) == EVENTS + 1, "each message came by two sockets"
    assert find(metrics.EVENTS_FILTERED) == int(str(stands["events"])) - (EVENTS + 2)
    assert find(metrics.DELIVERIES_CREATED) == int(str(stands["received"])) - int(str(stands["filtered"]))
    for column in ("filtered", "delivered", "outstanding", "held", "dead"):
        assert find(metrics.LEDGER, column=column) == stands[column], column
    replayed = 1
    assert find(metrics.DELIVERIES, outcome="delivered") == int(str(stands["delivered"])) + replayed
    assert find(metrics.DELIVERIES, outcome="dead") == stands["dead"]
    assert find(metrics.ATTEMPTS) == len(receiver.got)
    assert find(metrics.ATTEMPTS, verdict="dead", result="5xx") == stands["dead"]
    assert find(metrics.ATTEMPT_S, "_count") == len(receiver.got)
    assert find(metrics.DELIVERY_S, "_count") == timely, "neither what was held nor what is sent again"
    assert find(metrics.WEBHOOKS_DISABLED, reason="gone") == 1
    assert find(metrics.WEBHOOKS) == 4
    assert find(metrics.BACKLOG) == 0
    assert find(metrics.LOOP_FAILURES) == find(metrics.REQUEST_FAILURES) == find(metrics.EVENTS_LOST) == 0
