"""One callback as it goes out: headers, both signatures, the exact bytes. Contract, section 3.

The body is the envelope's own, or a CloudEvents wrapping of it that is the same bytes on every attempt. Only the
timestamp, and with it the
signatures, are new each time: receivers refuse what is older than five minutes.
"""

from datetime import UTC, datetime

from msgspec import Struct

from relay.core.delivery import Claim
from relay.core.envelope import Envelope, Media
from relay.core.signing import ring, sign_slack, sign_standard
from relay.core.trace import traceparent
from relay.core.webhook import Format, Webhook

CLOUDEVENTS_MEDIA = "application/cloudevents+json"

OWN_HEADERS = frozenset(
    {
        "content-type", "user-agent",
        "x-slack-request-timestamp", "x-slack-signature", "x-slack-retry-num", "x-slack-retry-reason",
        "webhook-id", "webhook-timestamp", "webhook-signature", "traceparent",
        "host", "content-length", "connection", "transfer-encoding",
    }
)  # fmt: skip
"""Names, in lower case, that a webhook's owner cannot set."""


class Callback(Struct, frozen=True, kw_only=True):
    headers: tuple[tuple[str, str], ...]
    body: bytes


def write_callback(
    webhook: Webhook, envelope: Envelope, claim: Claim, *, agent: str, now: float, traced: bool = False
) -> Callback:
    """The POST for one try. `agent`: the User-Agent; `now`: Unix seconds; `traced`: spans of it are kept somewhere.
    Raises BadSecret.
    """
    media, body = write_body(webhook.format, envelope)
    timestamp = int(now)
    keys = ring(webhook.secrets, now)
    headers = [
        ("Content-Type", media),
        ("User-Agent", agent),
        ("X-Slack-Request-Timestamp", str(timestamp)),
        ("X-Slack-Signature", sign_slack(keys, timestamp, body)),
        ("webhook-id", claim.id),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", sign_standard(keys, claim.id, timestamp, body=body)),
    ]
    if retries := claim.tries + claim.losses:
        headers += [
            ("X-Slack-Retry-Num", str(retries)),
            ("X-Slack-Retry-Reason", claim.retry_reason or "unknown_error"),
        ]
    if traced:
        headers.append(("traceparent", traceparent(claim)))
    return Callback(headers=(*headers, *webhook.headers), body=body)


def write_body(format: Format, envelope: Envelope) -> tuple[str, bytes]:
    """The media type and the bytes of an envelope in a format."""
    if format is Format.SLACK:
        return envelope.media, envelope.body
    return CLOUDEVENTS_MEDIA, _cloud_event(envelope)


def _cloud_event(envelope: Envelope) -> bytes:
    """CloudEvents 1.0, structured mode (github.com/cloudevents/spec, json-format): `data` is the envelope as it
    stands, or a string for a form.
    """
    moment = datetime.fromtimestamp(envelope.received_at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    source = f"/slack/{envelope.connection or 'relay'}"
    own = envelope.kind if envelope.kind.startswith("relay.") else f"com.slack.{envelope.kind}"
    attributes = f'"specversion":"1.0","id":"{envelope.event_id}","source":"{source}","type":"{own}","time":"{moment}"'
    if envelope.media is Media.JSON:
        return f'{{{attributes},"datacontenttype":"application/json","data":'.encode() + envelope.body + b"}"
    return f'{{{attributes},"datacontenttype":"{envelope.media}","data":"'.encode() + envelope.body + b'"}'
