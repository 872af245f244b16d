"""What an outstanding delivery takes in Redis, in each of its states, besides its event.

The store's own steps bring deliveries there; Redis tells how much memory it uses before and after. The attempt log is
counted apart: how long its lines are is up to what the endpoints answer.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.figures import Figure
from benchmarks.limit import SECRET
from benchmarks.scale import Scale
from benchmarks.scene import Books, books_of
from benchmarks.stage import Stage
from relay.core.delivery import Claim, Step
from relay.core.envelope import Envelope, Media
from relay.core.ids import ConnectionId, EventId, WebhookId, webhook_id
from relay.core.matching import Match
from relay.core.outcome import Answered, Failed, Failure, Outcome, Timing
from relay.core.webhook import DisabledReason, SigningSecret, Webhook
from relay.deliver.attempt import attempt_line
from relay.store.client import Client, StoreOptions
from relay.store.deliveries import Deliveries, Settlement
from relay.store.embedded import EmbeddedRedis
from relay.store.journal import Journal, Stretch
from relay.store.keys import Keys
from relay.store.vault import Vault
from relay.store.webhooks import Webhooks

WEBHOOKS = 100
"""To each of which goes each event."""
AT_ONCE = 256
DAY_S = 86400.0

PAGE = b"""<html>\r
<head><title>503 Service Temporarily Unavailable</title></head>\r
<body>\r
<center><h1>503 Service Temporarily Unavailable</h1></center>\r
<hr><center>nginx/1.22.1</center>\r
</body>\r
</html>\r
"""
ANSWERS: dict[str, Outcome] = {
    "nobody listens": Failed(failure=Failure.CONNECT, detail="Connection refused", timing=Timing(total_s=0.0012)),
    "nginx says 503": Answered(
        status=503,
        headers=(
            ("server", "nginx/1.22.1"),
            ("date", "Tue, 24 Nov 2026 02:11:18 GMT"),
            ("content-type", "text/html"),
            ("content-length", str(len(PAGE))),
            ("connection", "keep-alive"),
        ),
        excerpt=PAGE,
        timing=Timing(connect_s=0.0011, first_byte_s=0.0024, total_s=0.0025),
    ),
}


def memory(stage: Stage, scale: Scale) -> Iterator[Figure]:
    with EmbeddedRedis(Path(mkdtemp(dir=stage.folder))) as redis, books_of(redis) as books:
        client = Client(StoreOptions(url=redis.url))
        try:
            yield from _of_each_state(Shop(client, events=max(1, scale.backlog // WEBHOOKS)), books)
        finally:
            client.close()


class Shop:
    """A store with webhooks and events, whose deliveries all go from state to state together."""

    def __init__(self, client: Client, *, events: int) -> None:
        self._client = client
        self._journal = Journal(client)
        self._deliveries = Deliveries(client)
        self._webhooks = Webhooks(client, Vault())
        for number in range(WEBHOOKS):
            self._webhooks.add(_webhook(number, max_in_flight=events))
        self._journal.append([_envelope(number) for number in range(events)])
        self._matches = [Match(webhook=_webhook(number).id) for number in range(WEBHOOKS)]
        self.count = events * WEBHOOKS

    def fan_out(self) -> None:
        version = self._webhooks.changes.version()
        while entries := self._journal.oldest(f"({self._journal.cursor()}", "+", 8):
            matched = [(entry.name, self._matches) for entry in entries]
            cursor, following = self._journal.cursor(), entries[-1].position
            stretch = Stretch(cursor=cursor, following=following, matched=matched, begun=len(matched))
            self._journal.fan_out(stretch, version=version)

    def claim(self) -> list[Claim]:
        claims: list[Claim] = []
        while lent := self._deliveries.claim(AT_ONCE, grace_s=DAY_S).claims:
            claims += lent
        return claims

    def postpone(self, claims: Sequence[Claim], outcome: Outcome) -> None:
        """To some time of the day after tomorrow."""
        webhook = _webhook(0)
        for start in range(0, len(claims), AT_ONCE):
            batch = [
                Settlement(
                    claim=claim,
                    step=Step.POSTPONE,
                    wait_s=DAY_S + claim.sequence % DAY_S,
                    failed=False,
                    reason="http_error",
                    attempt=attempt_line(claim, webhook, outcome, media=Media.JSON, at=claim.sequence / 1e6),
                )
                for claim in claims[start : start + AT_ONCE]
            ]
            self._deliveries.settle(batch)

    def forget_attempts(self, claims: Sequence[Claim]) -> None:
        name = Keys(0)
        for start in range(0, len(claims), AT_ONCE):
            self._client.redis.delete(*(name("attempts", one.sequence) for one in claims[start : start + AT_ONCE]))

    def hold(self) -> None:
        for number in range(WEBHOOKS):
            self._webhooks.disable(_webhook(number).id, DisabledReason.MANUAL, 0.0)
        while self._deliveries.ledger().held < self.count:
            self._deliveries.claim(AT_ONCE)


def _of_each_state(shop: Shop, books: Books) -> Iterator[Figure]:
    empty, count = books.memory_bytes(), shop.count
    shop.fan_out()
    yield _figure("a pending delivery", books.memory_bytes() - empty, count)
    claims = shop.claim()
    yield _figure("a delivery in flight", books.memory_bytes() - empty, count)
    share = count // len(ANSWERS)
    parts = {name: claims[at * share : (at + 1) * share] for at, name in enumerate(ANSWERS)}
    for name, part in parts.items():
        shop.postpone(part, ANSWERS[name])
    for name, part in parts.items():
        before = books.memory_bytes()
        shop.forget_attempts(part)
        yield _figure(f"a first attempt, {name}", before - books.memory_bytes(), len(part))
    yield _figure("a retrying delivery", books.memory_bytes() - empty, count)
    shop.hold()
    yield _figure("a delivery held after a try", books.memory_bytes() - empty, count)


def _figure(what: str, size_bytes: int, count: int) -> Figure:
    return Figure(name=f"memory in Redis, {what}", value=size_bytes / count, unit="bytes", note=f"of {count}")


def _webhook(number: int, *, max_in_flight: int = 1) -> Webhook:
    id: WebhookId = webhook_id(number.to_bytes(10))
    return Webhook(
        id=id,
        url="https://example.com/slack/events",
        events=("message",),
        secrets=(SigningSecret(secret=SECRET),),
        max_in_flight=max_in_flight,
    )


def _envelope(number: int) -> Envelope:
    return Envelope(
        event_id=EventId(f"Ev{number:016X}"),
        connection=ConnectionId("con_default"),
        kind="message",
        channel="C024BE91L",
        received_at=0.0,
        body=b"{}",
    )
