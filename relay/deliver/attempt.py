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


SHORT_ANSWER = 256
"""Headers and bytes of body, together: an answer of no more may be one that comes again."""


class Line(Struct, kw_only=True, omit_defaults=True):
    """One line; what is empty is not written. admin/attempts.py reads it."""

    at: float  # Unix seconds at which the try began
    n: int  # 1 for the first
    url: str
    retry_reason: str = ""
    media: str = ""  # "": Slack's JSON
    own_headers: list[str] = []
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    excerpt: str = ""
    failure: str = ""
    detail: str = ""
    timing: tuple[float, ...] = ()  # milliseconds: dns, connect, tls, first byte, total


def attempt_line(claim: Claim, webhook: Webhook, outcome: Outcome, *, media: Media, at: float) -> bytes:
    """`media`: the envelope's; `at`: Unix seconds at which the try began."""
    if isinstance(outcome, Answered) and media is JSON and webhook.format is SLACK and not webhook.headers:
        timing, headers, excerpt = outcome.timing, outcome.headers, outcome.excerpt
        is_first = not (claim.tries or claim.losses or timing.dns_s or timing.connect_s)
        if is_first and len(headers) + len(excerpt) <= SHORT_ANSWER:
            said = _said(webhook.url, (outcome.status, headers, excerpt))
            if said is not None:  # whole numbers with an exponent: digits behind a point are dear to write
                hundredths = int(timing.first_byte_s * 1e5), int(timing.total_s * 1e5)
                return b'{"at":%de-3%b%de-2,%de-2]}' % (int(at * 1000), said, *hundredths)
    return written_line(claim, webhook, outcome, media=media, at=at)


@lru_cache(maxsize=1024)
def _said(url: str, answer: tuple[int, tuple[tuple[str, str], ...], bytes]) -> bytes | None:
    """What stands between the times of a first try on a kept connection: most endpoints say the same again and again.
    None if a secret may be in it.
    """
    status, headers, excerpt = answer
    line = Line(at=0.0, n=1, url=url, status=status, headers=headers)
    line.excerpt, line.timing = excerpt.decode("utf-8", "replace"), (0.0, 0.0, 0.0)
    text = json_text.write_record(line)
    return None if SIGNED in text else text.removeprefix(b'{"at":0.0').removesuffix(b"]}") + b","


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
    stages = (timing.dns_s, timing.connect_s, timing.tls_s, timing.first_byte_s, timing.total_s)
    return tuple([int(seconds * 1e5) / 100 for seconds in stages])
