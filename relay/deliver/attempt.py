"""What one try did, for the attempt log: one JSON line, written once and shown by the API.

The request's headers are kept as what varies in them (when, which retry, the names of the owner's headers): the rest
is the same for every callback, and signatures and the owner's values are secrets. They are masked where an endpoint
echoes them.
"""

from relay.core import json_text
from relay.core.callback import CLOUDEVENTS_MEDIA
from relay.core.delivery import Claim
from relay.core.envelope import Media
from relay.core.masking import masked, secrets_of
from relay.core.outcome import EXCERPT_BYTES, Answered, Failed, Outcome, Refused, Timing
from relay.core.webhook import Format, Json, Webhook

KEPT_HEADERS = 32
KEPT_HEADER_CHARS = 512


def attempt_line(claim: Claim, webhook: Webhook, outcome: Outcome, *, media: str, at: float) -> bytes:
    """`media`: the envelope's; `at`: Unix seconds at which the try began. admin/attempts.py reads it."""
    line: dict[str, Json] = {"at": round(at, 3), "n": claim.tries + claim.losses + 1, "url": webhook.url}
    if claim.tries + claim.losses:
        line["retry_reason"] = claim.retry_reason or "unknown_error"
    if media != Media.JSON or webhook.format is not Format.SLACK:
        line["media"] = media if webhook.format is Format.SLACK else CLOUDEVENTS_MEDIA
    if webhook.headers:
        line["own_headers"] = [name for name, _ in webhook.headers]
    match outcome:
        case Answered():
            line["status"] = outcome.status
            line["headers"] = [[name, value[:KEPT_HEADER_CHARS]] for name, value in outcome.headers[:KEPT_HEADERS]]
            if outcome.excerpt:
                line["excerpt"] = outcome.excerpt[:EXCERPT_BYTES].decode("utf-8", "replace")
            line["timing"] = _timing(outcome.timing)
        case Failed():
            line["failure"], line["detail"] = outcome.failure, outcome.detail
            line["timing"] = _timing(outcome.timing)
        case Refused():
            line["failure"], line["detail"] = "refused", outcome.rule
    text = json_text.write(line)
    echoed = [secret for secret in secrets_of(webhook) if json_text.write(secret)[1:-1] in text]
    return json_text.write(_without(line, echoed)) if echoed else text


def _without(line: dict[str, Json], secrets: list[str]) -> Json:
    """What the endpoint said, masked."""
    said = {name: line[name] for name in ("headers", "excerpt") if name in line}
    return line | {name: _masked(value, secrets) for name, value in said.items()}


def _masked(value: Json, secrets: list[str]) -> Json:
    if isinstance(value, list):
        return [_masked(each, secrets) for each in value]
    return masked(value, secrets) if isinstance(value, str) else value


def _timing(timing: Timing) -> Json:
    return [
        round(seconds * 1000, 2)
        for seconds in (timing.dns_s, timing.connect_s, timing.tls_s, timing.first_byte_s, timing.total_s)
    ]
