"""What one try did, for the attempt log: one JSON line, written once and shown by the API.

The request's headers are kept as what varies in them (when, which retry, the names of the owner's headers): the rest
is the same for every callback, and signatures and the owner's values are secrets. They are masked where an endpoint
echoes them.
"""

from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from relay.core import json_text
from relay.core.callback import CLOUDEVENTS_MEDIA
from relay.core.delivery import Claim
from relay.core.envelope import JSON, Media
from relay.core.masking import SIGNED, echoed, masked
from relay.core.outcome import EXCERPT_BYTES, Answered, Failed, Outcome, Refused, Timing
from relay.core.webhook import SLACK, Webhook

KEPT_HEADERS = 32


SHORT_BYTES = 256
"""An answer's body up to here may be one that comes again."""


class Said(Struct, kw_only=True, omit_defaults=True):
    """What an endpoint answered."""

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    excerpt: str = ""


class Line(Said, kw_only=True, omit_defaults=True):
    """One line; what is empty is not written. admin/attempts.py reads it."""

    at: float  # Unix seconds at which the try began
    n: int  # 1 for the first
    url: str
    retry_reason: str = ""
    media: str = ""  # "": Slack's JSON
    own_headers: list[str] = []
    failure: str = ""
    detail: str = ""
    timing: tuple[float, ...] = ()  # milliseconds: dns, connect, tls, first byte, total


def attempt_line(claim: Claim, webhook: Webhook, outcome: Outcome, *, media: Media, at: float) -> bytes:
    """`media`: the envelope's; `at`: Unix seconds at which the try began."""
    if isinstance(outcome, Answered) and media is JSON and len(outcome.excerpt) <= SHORT_BYTES:
        timing = outcome.timing
        is_usual = not (webhook.headers or claim.tries or claim.losses or timing.dns_s or timing.connect_s)
        if is_usual and webhook.format is SLACK:
            said = _said(outcome.status, outcome.headers, outcome.excerpt)
            if SIGNED not in said:
                first_byte, total = int(timing.first_byte_s * 1e5) / 100, int(timing.total_s * 1e5) / 100
                return b'{"at":%a,"n":1,"url":%b,%b,"timing":[0.0,0.0,0.0,%a,%a]}' % (
                    *(int(at * 1000) / 1000, _quoted(webhook.url), said),
                    *(first_byte, total),
                )
    return written_line(claim, webhook, outcome, media=media, at=at)


@lru_cache(maxsize=1024)
def _said(status: int, headers: tuple[tuple[str, str], ...], excerpt: bytes) -> bytes:
    """A line's fields that hold what an endpoint said: most say the same again and again."""
    line = Said(status=status, headers=headers[:KEPT_HEADERS], excerpt=excerpt.decode("utf-8", "replace"))
    return json_text.write_record(line)[1:-1]


@lru_cache(maxsize=4096)
def _quoted(url: str) -> bytes:
    return json_text.write(url)


def written_line(claim: Claim, webhook: Webhook, outcome: Outcome, *, media: Media, at: float) -> bytes:
    """The same, whatever came of the try."""
    line = Line(at=int(at * 1000) / 1000, n=claim.tries + claim.losses + 1, url=webhook.url)
    if line.n > 1:
        line.retry_reason = claim.retry_reason or "unknown_error"
    if webhook.format is not SLACK:
        line.media = CLOUDEVENTS_MEDIA
    elif media is not JSON:
        line.media = media
    if webhook.headers:
        line.own_headers = [name for name, _ in webhook.headers]
    match outcome:
        case Answered():
            line.status, line.headers = outcome.status, outcome.headers[:KEPT_HEADERS]
            line.excerpt = outcome.excerpt[:EXCERPT_BYTES].decode("utf-8", "replace")
            line.timing = _timing(outcome.timing)
        case Failed():
            line.failure, line.detail, line.timing = outcome.failure, outcome.detail, _timing(outcome.timing)
        case Refused():
            line.failure, line.detail = "refused", outcome.rule
    text = json_text.write_record(line)
    secrets = echoed(webhook, text)
    return json_text.write_record(_without(line, secrets)) if secrets else text


def _without(line: Line, secrets: list[str]) -> Line:
    """What the endpoint said, masked."""
    headers = tuple((name, masked(value, secrets)) for name, value in line.headers)
    return replace(line, headers=headers, excerpt=masked(line.excerpt, secrets))


def _timing(timing: Timing) -> tuple[float, ...]:
    """Milliseconds, with two decimals."""
    first_byte, total = int(timing.first_byte_s * 1e5) / 100, int(timing.total_s * 1e5) / 100
    if not timing.dns_s and not timing.connect_s:  # on a kept connection
        return 0.0, 0.0, 0.0, first_byte, total
    return (
        int(timing.dns_s * 1e5) / 100,
        int(timing.connect_s * 1e5) / 100,
        int(timing.tls_s * 1e5) / 100,
        first_byte,
        total,
    )
