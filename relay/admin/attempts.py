"""Attempts as people see them: one POST, and what came of it."""

from collections.abc import Iterable, Mapping
from typing import cast

from pydantic import Field

from relay.admin.endpoints import Shown
from relay.admin.moments import Moment, moment
from relay.core import json_text
from relay.core.envelope import Media
from relay.core.ids import DeliveryId
from relay.core.masking import MASK, masked, secrets_of
from relay.core.outcome import Answered, Failed, Outcome, Refused, Timing
from relay.core.webhook import Json, Webhook

STAGES = ("dns_ms", "connect_ms", "tls_ms", "first_byte_ms", "total_ms")


class TimingView(Shown):
    """Milliseconds from the start of the attempt until each stage was done; 0 for one that did not happen."""

    dns_ms: float
    connect_ms: float
    tls_ms: float
    first_byte_ms: float
    total_ms: float


class AttemptView(Shown):
    """One POST to a webhook's URL, and what came of it."""

    at: Moment
    url: str
    request_headers: dict[str, str] = Field(description="as they were sent, but for what is secret")
    duration_ms: float | None = Field(description="from the start to the end of the answer")
    timing: TimingView | None = Field(description="null: nothing was sent")
    status: int | None = Field(description="the HTTP status; null: no answer came")
    headers: dict[str, str] = Field(description="of the answer; what was sent twice is joined with a comma")
    excerpt: str | None = Field(description="the first 4 KiB of the answer's body")
    failure: str | None = Field(
        description="why no answer came: dns, connect, tls, timeout, reset, too_large, refused, stopped"
    )
    detail: str | None = Field(description="the same as a sentence")


def attempt_of_outcome(outcome: Outcome, webhook: Webhook, *, at: float) -> AttemptView:
    """Of a trial call."""
    url, names = webhook.url, [name for name, _ in webhook.headers]
    secrets = secrets_of(webhook)
    headers = _sent({"at": at, "own_headers": list(names)}, "")
    match outcome:
        case Answered():
            return AttemptView(
                at=moment(at),
                url=url,
                request_headers=headers,
                duration_ms=_ms(outcome.timing),
                timing=_timing(outcome.timing),
                status=outcome.status,
                headers=_joined((name, masked(value, secrets)) for name, value in outcome.headers),
                excerpt=masked(outcome.excerpt.decode("utf-8", "replace"), secrets),
                failure=None,
                detail=None,
            )
        case Failed():
            failed = _no_answer(url, at, failure=outcome.failure, detail=outcome.detail, timing=outcome.timing)
            return failed.model_copy(update={"request_headers": headers})
        case Refused():
            return _no_answer(url, at, failure="refused", detail=outcome.rule, timing=None)


def attempt_of_line(line: bytes, delivery: DeliveryId) -> AttemptView:
    """From the attempt log: the line that the delivery room wrote (deliver/attempt.py)."""
    known = cast(dict[str, Json], json_text.read(line))  # we wrote it
    timing = known.get("timing")
    return AttemptView.model_validate(
        {
            "at": moment(cast(float, known["at"])),
            "url": known["url"],
            "request_headers": _sent(known, delivery) if timing else {},
            "duration_ms": timing[-1] if isinstance(timing, list) else None,
            "timing": dict(zip(STAGES, timing, strict=True)) if isinstance(timing, list) else None,
            "status": known.get("status"),
            "headers": _joined(cast(list[tuple[str, str]], known.get("headers", []))),
            "excerpt": known.get("excerpt"),
            "failure": known.get("failure"),
            "detail": known.get("detail"),
        }
    )


def _sent(known: Mapping[str, Json], delivery: str) -> dict[str, str]:
    """The request's headers: the log keeps what varies in them, and signatures and the owner's values are secrets."""
    stamp = str(int(cast(float, known["at"])))
    headers = {
        "Content-Type": str(known.get("media", Media.JSON)),
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={MASK}",
        "webhook-id": delivery,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{MASK}",
    }
    if "retry_reason" in known:
        headers["X-Slack-Retry-Num"] = str(int(cast(int, known["n"])) - 1)
        headers["X-Slack-Retry-Reason"] = str(known["retry_reason"])
    said = {name: value for name, value in headers.items() if value}  # a trial call has no delivery's id
    return said | dict.fromkeys(cast(list[str], known.get("own_headers", [])), MASK)


def _no_answer(url: str, at: float, *, failure: str, detail: str, timing: Timing | None) -> AttemptView:
    return AttemptView(
        at=moment(at),
        url=url,
        request_headers={},
        duration_ms=_ms(timing) if timing else None,
        timing=_timing(timing) if timing else None,
        status=None,
        headers={},
        excerpt=None,
        failure=failure,
        detail=detail,
    )


def _joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """As RFC 9110, 5.3 allows."""
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _timing(timing: Timing) -> TimingView:
    stages = (timing.dns_s, timing.connect_s, timing.tls_s, timing.first_byte_s, timing.total_s)
    return TimingView(**{name: round(seconds * 1000, 2) for name, seconds in zip(STAGES, stages, strict=True)})


def _ms(timing: Timing) -> float:
    return round(timing.total_s * 1000, 2)
