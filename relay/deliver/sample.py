"""One POST now, outside the ledger: what the API's test and verify calls do, by the real path and the real guard."""

from time import time

from relay.core.callback import write_callback
from relay.core.delivery import Claim
from relay.core.envelope import Envelope
from relay.core.ids import DeliveryId
from relay.core.outcome import Outcome
from relay.core.webhook import Webhook
from relay.deliver.post import Poster, Request
from relay.deliver.worker import DeliverOptions


def post_sample(webhook: Webhook, envelope: Envelope, *, poster: Poster, options: DeliverOptions) -> Outcome:
    """`webhook-id` is the event's id: there is no delivery behind it. Raises BadSecret."""
    now = time()
    claim = Claim(
        sequence=0,
        id=DeliveryId(f"test_{envelope.event_id}"),
        webhook=webhook.id,
        event_id=envelope.event_id,
        tries=0,
        losses=0,
        fence=0,
        lease_s=0.0,
    )
    headers, body = write_callback(webhook, envelope, claim, agent=options.agent, now=now)
    return poster.post(Request(url=webhook.url, headers=headers, body=body, timeout_s=webhook.timeout_s))
