"""Two bots of one workspace: two RTM connections, each with two holders, hear the same and tell it once."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from relay.core.ids import ConnectionId, WebhookId
from relay.fanout import FanOut
from relay.store.directory import Directory
from relay.store.vault import Vault
from relay.store.webhooks import Webhooks
from tests.edges.scripted_slack import ScriptedSlack
from tests.edges.slack_side import RTM, SlackSide
from tests.edges.test_two_holders import TYPING, broadcast, message, open_sockets
from tests.store.filled import webhook
from tests.waiting import until

ONE, OTHER = (replace(RTM, id=ConnectionId(f"con_{bot}"), token=f"xoxb-{bot}") for bot in ("one", "other"))


@contextmanager
def both_heard_twice(redis_url: str, slack: ScriptedSlack) -> Iterator[SlackSide]:
    """Two workers, of which each holds both connections."""
    with ExitStack() as running:
        workers = [running.enter_context(SlackSide(redis_url, slack.api_url, ONE, OTHER)) for _ in range(2)]
        until(lambda: open_sockets(slack) == 4)
        yield workers[0]


def test_each_event_is_stored_once_and_known_to_have_come_by_both(redis_url: str) -> None:
    with ScriptedSlack() as slack, both_heard_twice(redis_url, slack) as worker:
        for number in range(50):
            broadcast(slack, message(number))
            broadcast(slack, TYPING)
        until(lambda: len(worker.journal.oldest("-", "+", 1000)) >= 200)
        entries = worker.journal.oldest("-", "+", 1000)
        assert len({entry.event_id for entry in entries}) == len(entries) / 2 == 100
        assert Counter(entry.echo for entry in entries) == {False: 100, True: 100}
        for stored in worker.journal.events.stored([entry.event_id for entry in entries]):
            assert stored is not None
            assert {heard.connection for heard in stored.heard()} == {ONE.id, OTHER.id}


def test_webhooks_of_either_and_of_both_get_each_event_once(redis_url: str) -> None:
    with ScriptedSlack() as slack, both_heard_twice(redis_url, slack) as worker:
        webhooks = Webhooks(worker.client, Vault())
        wanted = {"wh_any": (), "wh_one": (ONE.id,), "wh_other": (OTHER.id,), "wh_both": (ONE.id, OTHER.id)}
        for name, connections in wanted.items():
            webhooks.add(webhook(name, connections=connections, events=("**",)))
        fan_out = FanOut(worker.journal, Directory(webhooks), lambda _: None)
        for number in range(20):
            broadcast(slack, message(number))
            broadcast(slack, TYPING)
        until(lambda: len(worker.journal.oldest("-", "+", 1000)) >= 80)
        while worker.journal.cursor() != worker.journal.newest("+", 1)[0].position:
            fan_out.turn()
        for name in wanted:
            sent = worker.deliveries.of_webhook(WebhookId(name), None, 1000)
            events = [delivery.event_id for delivery in worker.deliveries.get(sent) if delivery]
            assert len(events) == len(set(events)) == 40
        assert worker.deliveries.ledger().closes
        assert worker.deliveries.ledger().events == 40
