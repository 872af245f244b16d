"""Attempts as people see them: one POST, and what came of it."""

from collections.abc import Iterable
from typing import cast

from pydantic import Field

from relay.admin.endpoints import Shown
from relay.admin.moments import Moment, moment
from relay.core import json_text
from relay.core.outcome import Answered, Failed, Outcome, Refused, Timing
from relay.core.webhook import Json


class AttemptView(Shown):
    """One POST to a webhook's URL, and what came of it."""

    at: Moment
    url: str
    duration_ms: float | None = Field(description="from the start to the end of the answer")
    status: int | None = Field(description="the HTTP status; null: no answer came")
    headers: dict[str, str] = Field(description="of the answer; what was sent twice is joined with a comma")
    excerpt: str | None = Field(description="the first 4 KiB of the answer's body")
    failure: str | None = Field(description="why no answer came: dns, connect, tls, timeout, reset, too_large, refused")
    detail: str | None = Field(description="the same as a sentence")


def attempt_of_outcome(outcome: Outcome, *, url: str, at: float) -> AttemptView:
    match outcome:
        case Answered():
            return AttemptView(
                at=moment(at),
                url=url,
                duration_ms=_ms(outcome.timing),
                status=outcome.status,
                headers=_joined(outcome.headers),
                excerpt=outcome.excerpt.decode("utf-8", "replace"),
                failure=None,
                detail=None,
            )
        case Failed():
            return _no_answer(url, at, failure=outcome.failure, detail=outcome.detail, duration_ms=_ms(outcome.timing))
        case Refused():
            return _no_answer(url, at, failure="refused", detail=outcome.rule, duration_ms=None)


def attempt_of_line(line: bytes) -> AttemptView:
    """From the attempt log: the line that the delivery room wrote (deliver/attempt.py)."""
    known = cast(dict[str, Json], json_text.read(line))  # we wrote it
    timing = known.get("timing")
    return AttemptView.model_validate(
        {
            "at": moment(cast(float, known["at"])),
            "url": known["url"],
            "duration_ms": timing[-1] if isinstance(timing, list) else None,
            "status": known.get("status"),
            "headers": _joined(cast(list[tuple[str, str]], known.get("headers", []))),
            "excerpt": known.get("excerpt"),
            "failure": known.get("failure"),
            "detail": known.get("detail"),
        }
    )


def _no_answer(url: str, at: float, *, failure: str, detail: str, duration_ms: float | None) -> AttemptView:
    return AttemptView(
        at=moment(at),
        url=url,
        duration_ms=duration_ms,
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


def _ms(timing: Timing) -> float:
    return round(timing.total_s * 1000, 2)
