"""One callback as it goes out: headers, both signatures, the exact bytes. Contract, section 3.

The body is the envelope's own, or a CloudEvents wrapping of it that is the same bytes on every attempt. Only the
timestamp, and with it the
signatures, are new each time: receivers refuse what is older than five minutes.
"""

from datetime import UTC, datetime

from relay.core.delivery import Claim
from relay.core.envelope import JSON, Envelope
from relay.core.header import header_lines
from relay.core.signing import ring, sign_slack, sign_standard
from relay.core.trace import traceparent
from relay.core.webhook import SLACK, Webhook

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


def write_callback(
    webhook: Webhook, envelope: Envelope, claim: Claim, *, agent: str, now: float, traced: bool = False
) -> tuple[str, bytes]:
    """The headers of one try, each line with its end, and the body. `agent`: the User-Agent; `now`: Unix seconds;
    `traced`: spans of it are kept somewhere. Raises BadSecret and Unsendable.
    """
    media: str = envelope.media
    body = envelope.body
    if webhook.format is not SLACK:
        media, body = CLOUDEVENTS_MEDIA, cloud_event(envelope)
    timestamp = int(now)
    keys = ring(webhook.secrets, now)
    headers = (
        f"Content-Type: {media}\r\n"
        f"User-Agent: {agent}\r\n"
        f"X-Slack-Request-Timestamp: {timestamp}\r\n"
        f"X-Slack-Signature: {sign_slack(keys, timestamp, body)}\r\n"
        f"webhook-id: {claim.id}\r\n"
        f"webhook-timestamp: {timestamp}\r\n"
        f"webhook-signature: {sign_standard(keys, claim.id, timestamp, body=body)}\r\n"
    )
    if retries := claim.tries + claim.losses:
        reason = claim.retry_reason or "unknown_error"
        headers += f"X-Slack-Retry-Num: {retries}\r\nX-Slack-Retry-Reason: {reason}\r\n"
    if traced:
        headers += f"traceparent: {traceparent(claim)}\r\n"
    if webhook.headers:
        headers += header_lines(webhook.headers)
    return headers, body


def cloud_event(envelope: Envelope) -> bytes:
    """CloudEvents 1.0, structured mode (github.com/cloudevents/spec, json-format): `data` is the envelope as it
    stands, or a string for a form.
    """
    moment = datetime.fromtimestamp(envelope.received_at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    source = f"/slack/{envelope.connection or 'relay'}"
    own = envelope.kind if envelope.kind.startswith("relay.") else f"com.slack.{envelope.kind}"
    attributes = f'"specversion":"1.0","id":"{envelope.event_id}","source":"{source}","type":"{own}","time":"{moment}"'
    if envelope.media is JSON:
        return f'{{{attributes},"datacontenttype":"application/json","data":'.encode() + envelope.body + b"}"
    return f'{{{attributes},"datacontenttype":"{envelope.media}","data":"'.encode() + envelope.body + b'"}'
