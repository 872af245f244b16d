"""Each door is cut: Redis is killed (SIGKILL, append-only) in the middle of a stream of calls, and what was asked
and not
answered is asked again. Afterwards nothing is missing, nothing is double, and the books are in order.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import gevent
import pytest

from relay.core.delivery import Claim, Step
from relay.core.ids import WebhookId
from relay.core.ledger import Ledger
from relay.core.matching import Match
from relay.store.client import Client, StoreOptions
from relay.store.deliveries import Settlement
from relay.store.errors import StoreAway
from tests.servers import RedisServer
from tests.store.audit import audit
from tests.store.filled import Filled, webhook
from tests.waiting import until

ONE = WebhookId("wh_1")
CUTS = 4
EACH = 20
"""Events, or deliveries, of one call."""


@dataclass(slots=True)
class Asked:
    """A stream of calls: each is made again, whenever `redis` is there, until it is answered."""

    redis: RedisServer
    answered: int = 0
    cut: int = 0
    stopping: bool = False
    after: list[Callable[[], None]] = field(default_factory=list)

    def run(self, call: Callable[[int], None]) -> None:
        while not self.stopping:
            try:
                call(self.answered)
            except StoreAway:
                self.cut += 1
                until(self.redis.answers, saying="Redis is there again")
            else:
                self.answered += 1


@pytest.fixture
def filled(own_redis: RedisServer) -> Iterator[Filled]:
    client = Client(StoreOptions(url=own_redis.url))
    filled = Filled(client)
    filled.webhooks.add(webhook("wh_1", max_in_flight=1_000_000))
    yield filled
    client.close()


def _until_answered(asked: Asked, more: int) -> None:
    """More than `more` answers from now."""
    since = asked.answered
    until(lambda: asked.answered > since + more)


@contextmanager
def cut_again_and_again(redis: RedisServer, call: Callable[[int], None]) -> Iterator[Asked]:
    """`call` in a stream, while Redis is killed and started again, CUTS times, each at a moment of its own."""
    asked = Asked(redis)
    stream = gevent.spawn(asked.run, call)
    for _ in range(CUTS):
        _until_answered(asked, random.randrange(20))
        redis.restart()
    _until_answered(asked, 0)
    asked.stopping = True
    stream.get(timeout=10)
    assert asked.cut >= CUTS
    yield asked


def names(call: int) -> list[str]:
    return [f"Ev{call}.{number}" for number in range(EACH)]


def test_append(filled: Filled, own_redis: RedisServer) -> None:
    def append(call: int) -> None:
        filled.append(*names(call))

    with cut_again_and_again(own_redis, append) as asked:
        appended = [entry.event_id for entry in filled.journal.oldest("-", "+", 1_000_000)]
        assert appended == [name for call in range(asked.answered) for name in names(call)]
        assert None not in filled.journal.events.stored(appended)


def test_fan_out(filled: Filled, own_redis: RedisServer) -> None:
    version = filled.webhooks.changes.version()

    def fan_out(call: int) -> None:
        filled.append(*names(call))
        cursor = filled.journal.cursor()
        entries = filled.journal.oldest(f"({cursor}", "+", 1000)
        if entries:  # else it was done, and the answer was lost
            answer = filled.fan_out_from(cursor, [(entry, [Match(webhook=ONE)]) for entry in entries], version)
            assert answer == "done"

    with cut_again_and_again(own_redis, fan_out) as asked:
        ids = filled.ids()
        events = [found.event_id for found in filled.deliveries.get(ids) if found]
        assert events == [name for call in range(asked.answered) for name in names(call)]
        count = asked.answered * EACH
        assert filled.deliveries.ledger() == Ledger(received=count, outstanding=count, events=count)
        assert audit(filled.client.redis) == []


def test_settle(filled: Filled, own_redis: RedisServer) -> None:
    for call in range(100):
        filled.deliver(*names(call))
    claims: list[Claim] = []
    while batch := filled.claim(1000):
        claims += batch

    def settle(call: int) -> None:
        batch = claims[call * EACH : (call + 1) * EACH]
        done = [Settlement(claim=one, step=Step.ACCEPT, failed=False, attempt=b'{"n":1}') for one in batch]
        assert filled.deliveries.settle(done).in_time == [True] * len(batch)

    with cut_again_and_again(own_redis, settle) as asked:
        settled = claims[: asked.answered * EACH]
        count = len(claims)
        ledger = Ledger(received=count, delivered=len(settled), outstanding=count - len(settled), events=count)
        assert filled.deliveries.ledger() == ledger
        for claim in settled:
            assert filled.deliveries.attempts.of(claim.id) == [b'{"n":1}']
        assert audit(filled.client.redis) == []


def test_settle_and_claim(filled: Filled, own_redis: RedisServer) -> None:
    """What was settled in an answer that was lost is settled again; what was lent in it comes back."""
    for call in range(100):
        filled.deliver(*names(call))
    under_way = [filled.claim(EACH)]
    settled: list[Claim] = []

    def settle_and_claim(_: int) -> None:
        done = [Settlement(claim=one, step=Step.ACCEPT, failed=False, attempt=b'{"n":1}') for one in under_way[-1]]
        answer, claimed = filled.deliveries.settle_and_claim(done, EACH)
        assert answer.in_time == [True] * len(done)
        settled.extend(under_way[-1])
        under_way.append(claimed.claims)

    with cut_again_and_again(own_redis, settle_and_claim):
        assert len({claim.sequence for claim in settled}) == len(settled)
        assert filled.deliveries.ledger().delivered == len(settled)
        assert filled.deliveries.ledger().outstanding == 2000 - len(settled)
        for claim in settled:
            assert filled.deliveries.attempts.of(claim.id) == [b'{"n":1}']
        assert audit(filled.client.redis) == []


def test_claim(filled: Filled, own_redis: RedisServer) -> None:
    """What was lent in an answer that was lost comes back; nothing is lent twice at a time."""
    for call in range(100):
        filled.deliver(*names(call))
    lent: set[int] = set()

    def claim(_: int) -> None:
        for one in filled.claim(EACH):
            assert one.sequence not in lent
            lent.add(one.sequence)

    with cut_again_and_again(own_redis, claim):
        assert audit(filled.client.redis) == []
        assert filled.deliveries.ledger().outstanding == 2000
