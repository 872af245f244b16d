"""What comes next after a try: delivered, again at some time, dead, or held. Clock and dice are parameters.

The table of answers is the contract's (section 3, "answer / consequence"); the schedule is Standard Webhooks' own,
or the webhook's.
"""

from collections.abc import Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import ClassVar, assert_never

from msgspec import Struct

from relay.core.delivery import Reason
from relay.core.outcome import Answered, Failed, Failure, Outcome, Refused

RETRY_AFTER_CAP_S = 3600.0
"""What an endpoint may ask for."""

SLOW_DOWN_S = 5.0
"""For an answer that asks to slow down (429, 502, 503, 504) without saying for how long."""

JITTER = 0.2
"""A wait is made longer by up to this part of itself, so that what failed together does not come back together."""

SLOW_DOWN_STATUS = frozenset({429, 502, 503, 504})

UNHANDLED = (b"unhandled request", b"no handler found")
"""What Bolt (Python, JavaScript; Java) answers with 404 when the app has no listener for an event: slack-wire.md,
6.1 and 6.3.
"""


class Delivered(Struct, frozen=True, kw_only=True, gc=False):
    word: ClassVar[str] = "delivered"
    reason: str = ""


class Again(Struct, frozen=True, kw_only=True, gc=False):
    word: ClassVar[str] = "again"
    wait_s: float
    pause_s: float = 0.0  # for the whole webhook
    is_a_try: bool = True  # False: we broke it off ourselves


class Dead(Struct, frozen=True, kw_only=True, gc=False):
    word: ClassVar[str] = "dead"
    reason: Reason
    pause_s: float = 0.0
    blames: bool = True  # whether the endpoint is to blame


class Gone(Struct, frozen=True, kw_only=True, gc=False):
    """410: the webhook is to be disabled, and its deliveries held."""

    word: ClassVar[str] = "gone"


Verdict = Delivered | Again | Dead | Gone

DELIVERED = Delivered()


def judge(outcome: Outcome, tries: int, schedule_s: Sequence[float], *, now: float, dice: float) -> Verdict:
    """What follows from `outcome`, the try after `tries` earlier ones. `now`: Unix seconds; `dice`: 0 to 1."""
    match outcome:
        case Answered():
            if 200 <= outcome.status < 300:
                return DELIVERED
            return _judge_answer(outcome, tries, schedule_s, now=now, dice=dice)
        case Failed(failure=Failure.STOPPED):
            return Again(wait_s=0.0, is_a_try=False)
        case Failed():
            return _next(tries, schedule_s, dice=dice)
        case Refused():
            return Dead(reason=Reason.REFUSED, blames=False)
        case _ as never:
            assert_never(never)


def _judge_answer(answer: Answered, tries: int, schedule_s: Sequence[float], *, now: float, dice: float) -> Verdict:
    if answer.status == 410:
        return Gone()
    if answer.status == 404 and any(words in answer.excerpt for words in UNHANDLED):
        return Delivered(reason=Reason.UNHANDLED)
    asked_s = retry_after(answer.header("retry-after"), now)
    pause_s = asked_s or 0.0
    if answer.status in SLOW_DOWN_STATUS and asked_s is None:
        pause_s = SLOW_DOWN_S
    if answer.header("x-slack-no-retry") == "1":
        return Dead(reason=Reason.NO_RETRY, pause_s=pause_s)
    return _next(tries, schedule_s, dice=dice, pause_s=pause_s)


def _next(tries: int, schedule_s: Sequence[float], *, dice: float, pause_s: float = 0.0) -> Verdict:
    if tries >= len(schedule_s):
        return Dead(reason=Reason.EXHAUSTED, pause_s=pause_s)
    wait_s = schedule_s[tries] * (1 + JITTER * dice)
    return Again(wait_s=max(wait_s, pause_s), pause_s=pause_s)


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a `Retry-After` asks for (RFC 9110, 10.2.3: seconds or a date), at most RETRY_AFTER_CAP_S; None
    if it is absent or unreadable.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isdecimal() and text.isascii():
        return min(float(text[:12]), RETRY_AFTER_CAP_S)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return min(max(0.0, when.timestamp() - now), RETRY_AFTER_CAP_S)


def retry_reason(outcome: Outcome | None) -> str:
    """Slack's word for `X-Slack-Retry-Reason` (slack-wire.md, 4.1); None: nobody knows what became of the try before
    (its worker is gone).
    """
    match outcome:
        case None | Refused():
            return "unknown_error"
        case Answered():
            return "too_many_redirects" if 300 <= outcome.status < 400 else "http_error"
        case Failed():
            return _REASONS.get(outcome.failure, "unknown_error")
        case _ as never:
            assert_never(never)


_REASONS = {
    Failure.TIMEOUT: "http_timeout",
    Failure.TLS: "ssl_error",
    Failure.DNS: "connection_failed",
    Failure.CONNECT: "connection_failed",
    Failure.RESET: "connection_failed",
    Failure.TOO_LARGE: "http_error",
}


WARN_S = (6 * 3600.0, 24 * 3600.0, 3 * 24 * 3600.0)
"""A webhook that has only failed for so long gets a warning, once for each."""

DISABLE_S = 5 * 24 * 3600.0
DISABLE_DELIVERIES = 100


class Warned(Struct, frozen=True, kw_only=True):
    level: int  # 1, 2, 3: how many of WARN_S have passed
    failing_s: float


class Disabled(Struct, frozen=True, kw_only=True):
    failing_s: float


def judge_webhook(*, since: float, deliveries: int, warned: int, now: float) -> Warned | Disabled | None:
    """What follows for a webhook whose deliveries have only failed since `since` (Unix seconds), `deliveries` of
    them, `warned` times told.
    """
    failing_s = now - since
    if failing_s >= DISABLE_S and deliveries >= DISABLE_DELIVERIES:
        return Disabled(failing_s=failing_s)
    level = sum(failing_s >= after_s for after_s in WARN_S)
    return Warned(level=level, failing_s=failing_s) if level > warned else None
