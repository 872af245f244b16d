"""Fan-out and delivery on a real Redis, without Slack in front: events come in by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network

from relay.core.ledger import Ledger
from relay.deliver.health import Health
from relay.deliver.post import Poster, PostOptions
from relay.deliver.worker import DeliverOptions, Rooms, Worker
from relay.fanout import FanOut
from relay.loops import Loop
from relay.report import Fact, LoopFailed
from relay.store.client import Client, StoreOptions
from relay.store.directory import Directory
from relay.store.notices import Notices
from relay.store.outcomes import Outcomes
from tests.store.filled import Filled, envelope


class Engine(Filled):
    """One worker process' loops. `facts` is what it reported."""

    def __init__(self, client: Client, *, in_flight: int = 64) -> None:
        super().__init__(client)
        self.facts: list[Fact] = []
        self.directory = Directory(self.webhooks)
        self.poster = Poster(PostOptions(allowed=(ip_network("127.0.0.0/8"),)))
        health = Health(self.webhooks, self.deliveries, self.journal, report=self.facts.append)
        rooms = Rooms(
            journal=self.journal,
            deliveries=self.deliveries,
            directory=self.directory,
            poster=self.poster,
            outcomes=Outcomes(client),
            notices=Notices(client),
            health=health,
        )
        self.worker = Worker(
            rooms, DeliverOptions(agent="slack-webhook-relay/test", in_flight=in_flight), self.facts.append
        )
        self.events = FanOut(self.journal, self.directory, self.facts.append, borrow=self.worker.borrow)
        turns = {"fan out": self.events.turn, "claim": self.worker.claim, "settle": self.worker.settle}
        self.loops = [Loop(name, turn, self.facts.append) for name, turn in turns.items()]

    def append(self, *names: str, channel: str = "C1") -> list[bool]:
        """As an inbox does."""
        return self.events.append([envelope(name, channel=channel) for name in names])

    def ledger(self) -> Ledger:
        return self.deliveries.ledger()

    def settled(self, count: int) -> bool:
        ledger = self.ledger()
        return (ledger.outstanding, ledger.events) == (0, count)


@contextmanager
def running(url: str, *, in_flight: int = 64, timeout_s: float = 5.0) -> Iterator[Engine]:
    client = Client(StoreOptions(url=url, timeout_s=timeout_s))
    engine = Engine(client, in_flight=in_flight)
    for loop in engine.loops:
        loop.start()
    try:
        yield engine
    finally:
        engine.poster.close(0.0)
        for loop in engine.loops:
            loop.stop()
        client.close()
    assert not [fact for fact in engine.facts if isinstance(fact, LoopFailed)]
