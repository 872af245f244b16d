"""What is settled and older than the retention is gone from Redis, and its memory is free; what is open stays."""

from collections import Counter
from collections.abc import Iterator

import pytest

from relay.core.delivery import Step
from relay.core.ledger import Ledger
from relay.store.client import Client, StoreOptions
from relay.store.deliveries import Settlement
from relay.store.reply import integer, text
from tests.store.filled import Filled, webhook
from tests.waiting import until

RETENTION_S = 0.3
MANY = 1000
BODY = b'{"type":"event_callback","text":"' + b"x" * 1000 + b'"}'


@pytest.fixture
def filled(redis_url: str) -> Iterator[Filled]:
    client = Client(StoreOptions(url=redis_url, retention_s=RETENTION_S))
    filled = Filled(client)
    filled.webhooks.add(webhook("wh_1", max_in_flight=MANY))
    yield filled
    client.close()


def kept(filled: Filled) -> Counter[str]:
    """Keys of each kind."""
    return Counter(text(name).split(":")[2] for name in filled.client.redis.scan_iter("relay:{0}:*", count=10_000))


def memory_bytes(filled: Filled) -> int:
    return integer(filled.client.redis.info("memory")["used_memory"])


def settle_all(filled: Filled, step: Step) -> None:
    while claims := filled.claim(200):
        filled.deliveries.settle([Settlement(claim=claim, step=step, failed=False, attempt=BODY) for claim in claims])


def test_what_is_settled_leaves_and_frees_its_memory(filled: Filled) -> None:
    filled.deliver("Ev first")
    settle_all(filled, Step.ACCEPT)
    before = memory_bytes(filled)
    for start in range(0, MANY, 200):
        filled.deliver(*(f"Ev{number}" for number in range(start, start + 200)))
    settle_all(filled, Step.ACCEPT)
    taken = memory_bytes(filled) - before
    assert taken > MANY * len(BODY)
    until(lambda: not kept(filled) & Counter(event=1, delivery=1, attempts=1))
    filled.journal.tend()
    assert filled.client.redis.xlen("relay:{0}:journal") <= 300  # whole nodes go, of what is behind the last batch
    until(lambda: memory_bytes(filled) - before < taken / 10)
    assert filled.deliveries.ledger() == Ledger(received=MANY + 1, delivered=MANY + 1, events=MANY + 1)


def test_what_waits_for_another_try_stays_and_so_does_its_event(filled: Filled) -> None:
    filled.deliver("Ev1", "Ev2")
    first, second = filled.claim()
    filled.settle(first, Step.POSTPONE, wait_s=3600.0)
    filled.settle(second, Step.ACCEPT)
    until(lambda: kept(filled)["delivery"] == 1)
    filled.journal.tend()
    assert kept(filled)["event"] == kept(filled)["attempts"] == 1
    assert filled.delivery(first.id).event_id == first.event_id
