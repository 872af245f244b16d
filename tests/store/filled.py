"""The store's rooms over one Redis, with short ways to bring deliveries to any state."""

from collections.abc import Sequence

from relay.core.delivery import Claim, Delivery, State, Step
from relay.core.envelope import Envelope
from relay.core.ids import ConnectionId, DeliveryId, EventId, WebhookId
from relay.core.matching import Match
from relay.core.webhook import SigningSecret, Webhook
from relay.store.client import Client
from relay.store.deliveries import Deliveries, Settled, Settlement
from relay.store.journal import Entry, Journal, Stretch
from relay.store.vault import Vault
from relay.store.webhooks import Webhooks

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"


def envelope(name: str, *, channel: str = "C1", body: bytes = b'{"type":"event_callback"}') -> Envelope:
    return Envelope(
        event_id=EventId(name),
        connection=ConnectionId("con_1"),
        kind="message",
        channel=channel,
        received_at=1700000000.5,
        body=body,
    )


def webhook(name: str, **changes: object) -> Webhook:
    settings: dict[str, object] = {
        "url": "https://example.com/",
        "events": ("*",),
        "secrets": (SigningSecret(secret=SECRET),),
    }
    return Webhook(id=WebhookId(name), **(settings | changes))  # type: ignore[arg-type]  # a test names what it changes


class Filled:
    def __init__(self, client: Client) -> None:
        self.client = client
        self.journal = Journal(client)
        self.deliveries = Deliveries(client)
        self.webhooks = Webhooks(client, Vault(("a key",)))

    def append(self, *names: str, channel: str = "C1") -> list[bool]:
        return self.journal.append([envelope(name, channel=channel) for name in names])

    def fan_out(self, *matches: Match, insist: bool = False) -> str:
        """Everything in the journal behind the cursor, to all of `matches`."""
        cursor = self.journal.cursor()
        entries = self.journal.oldest(f"({cursor}", "+", 1000)
        matched = [(entry, matches) for entry in entries]
        return self.fan_out_from(cursor, matched, self.webhooks.changes.version(), insist=insist)

    def fan_out_from(
        self, cursor: str, matched: Sequence[tuple[Entry, Sequence[Match]]], version: int, *, insist: bool = False
    ) -> str:
        following = matched[-1][0].position
        named = [(entry.name, matches) for entry, matches in matched]
        stretch = Stretch(cursor=cursor, following=following, matched=named, begun=len(matched))
        return self.journal.fan_out(stretch, version=version, insist=insist)

    def deliver(self, *names: str, to: str = "wh_1", lane: str = "") -> None:
        """New events, fanned out to one webhook."""
        self.append(*names)
        assert self.fan_out(Match(webhook=WebhookId(to), lane=lane)) == "done"

    def claim(self, limit: int = 100) -> list[Claim]:
        return self.deliveries.claim(limit).claims

    def settle(self, claim: Claim, step: Step, **changes: object) -> Settled:
        settings: dict[str, object] = {"failed": step is not Step.ACCEPT, "attempt": b'{"n":1}'}
        return self.deliveries.settle([Settlement(claim=claim, step=step, **(settings | changes))])  # type: ignore[arg-type]

    def state(self, id: DeliveryId) -> State:
        return self.delivery(id).state

    def delivery(self, id: DeliveryId) -> Delivery:
        found = self.deliveries.get([id])[0]
        assert found is not None
        return found

    def ids(self, name: str = "wh_1") -> list[DeliveryId]:
        """A webhook's deliveries, oldest first."""
        return self.deliveries.of_webhook(WebhookId(name), None, 1_000_000)[::-1]
