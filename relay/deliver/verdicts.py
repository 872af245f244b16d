"""From an outcome to what is settled and what is said about it."""

from typing import assert_never

from msgspec import Struct

from relay.core import json_text
from relay.core.delivery import Claim, Reason, Step
from relay.core.envelope import Envelope
from relay.core.outcome import Answered, Failed, Outcome, Refused
from relay.core.reply import reply_to
from relay.core.retry import DELIVERED, Again, Dead, Delivered, Gone, Verdict, judge, retry_reason
from relay.core.webhook import Json, Webhook
from relay.deliver.attempt import attempt_line
from relay.report import Attempt
from relay.store.deliveries import Settlement

ACCEPT = Step.ACCEPT

STATUS = tuple(map(str, range(1000)))
"""HTTP's, as words."""


class Try(Struct, frozen=True, kw_only=True, gc=False):
    """A claim with what it takes to POST it, under way since `at` (Unix seconds)."""

    claim: Claim
    webhook: Webhook
    envelope: Envelope
    at: float


class Tried(Struct, frozen=True, kw_only=True, gc=False):
    """What one try did, and what follows: to be settled, then said."""

    attempt: Try
    outcome: Outcome
    verdict: Verdict
    settlement: Settlement
    fact: Attempt  # the log line


def conclude(attempt: Try, outcome: Outcome, *, now: float, dice: float) -> Tried:
    """`now`: Unix seconds; `dice`: 0 to 1."""
    claim, webhook, envelope = attempt.claim, attempt.webhook, attempt.envelope
    verdict = judge(outcome, claim.tries, webhook.retry_schedule_s, now=now, dice=dice)
    line = attempt_line(claim, webhook, outcome, media=envelope.media, at=attempt.at)
    if verdict is DELIVERED and isinstance(outcome, Answered):
        reply = reply_to(envelope, outcome, now=now, connections=webhook.connections) if webhook.reply else None
        settlement = Settlement(claim=claim, step=ACCEPT, failed=False, attempt=line, reply=reply)
        fact = _fact_of_delivery(attempt, outcome)
    else:
        settlement = _settlement(claim, outcome, verdict, line=line)
        fact = _fact(attempt, outcome, verdict, reason=settlement.reason)
    return Tried(attempt=attempt, outcome=outcome, verdict=verdict, settlement=settlement, fact=fact)


def unsent(claim: Claim, reason: Reason, *, why: str, at: float) -> Settlement:
    """For a claim that cannot be made into a POST, and never will; `why` is a sentence, `at` Unix seconds."""
    said: dict[str, Json] = {"at": round(at, 3), "n": claim.tries + claim.losses + 1, "url": ""}
    line = json_text.write({**said, "failure": str(reason), "detail": why})
    return Settlement(claim=claim, step=Step.GIVE_UP, failed=False, reason=reason, attempt=line)


def _settlement(claim: Claim, outcome: Outcome, verdict: Verdict, *, line: bytes) -> Settlement:
    match verdict:
        case Delivered():
            return Settlement(claim=claim, step=ACCEPT, failed=False, reason=verdict.reason, attempt=line)
        case Again():
            return Settlement(
                claim=claim,
                step=Step.POSTPONE if verdict.is_a_try else Step.GIVE_BACK,
                failed=verdict.is_a_try,
                wait_s=verdict.wait_s,
                pause_s=verdict.pause_s,
                reason=retry_reason(outcome),
                attempt=line,
            )
        case Dead():
            return Settlement(
                claim=claim,
                step=Step.GIVE_UP,
                failed=verdict.blames,
                pause_s=verdict.pause_s,
                reason=verdict.reason,
                attempt=line,
            )
        case Gone():
            return Settlement(claim=claim, step=Step.HOLD, failed=True, reason=Reason.GONE, attempt=line)
        case _ as never:
            assert_never(never)


def _fact_of_delivery(attempt: Try, answer: Answered) -> Attempt:
    claim, envelope, took_s = attempt.claim, attempt.envelope, answer.timing.total_s
    return Attempt(
        delivery=claim.id,
        webhook=claim.webhook,
        event=claim.event_id,
        kind=envelope.kind,
        attempt=claim.tries + claim.losses + 1,
        result=STATUS[answer.status],
        verdict="delivered",
        ms=int(took_s * 1000),
        latency_ms=None if claim.belated else _latency_ms(attempt.at + took_s, envelope.received_at),
    )


def _latency_ms(ended: float, received_at: float) -> int:
    """From the frame on Slack's socket to the endpoint's answer; by two clocks perhaps, or one that was set back."""
    return max(0, int((ended - received_at) * 1000))


def _fact(attempt: Try, outcome: Outcome, verdict: Verdict, *, reason: str) -> Attempt:
    claim, envelope = attempt.claim, attempt.envelope
    again_in_s = latency_ms = None
    result, detail, took_s = "refused", "", 0.0
    match outcome:
        case Answered():
            result, took_s = STATUS[outcome.status], outcome.timing.total_s
        case Failed():
            result, detail, took_s = outcome.failure, outcome.detail, outcome.timing.total_s
        case Refused():
            detail = outcome.rule
        case _ as never:
            assert_never(never)
    if isinstance(verdict, Again):
        again_in_s, reason = verdict.wait_s, ""
    elif isinstance(verdict, Delivered) and not claim.belated:
        latency_ms = _latency_ms(attempt.at + took_s, envelope.received_at)
    return Attempt(
        delivery=claim.id,
        webhook=claim.webhook,
        event=claim.event_id,
        kind=envelope.kind,
        attempt=claim.tries + claim.losses + 1,
        result=result,
        verdict=verdict.word,
        ms=int(took_s * 1000),
        again_in_s=again_in_s,
        latency_ms=latency_ms,
        reason=reason,
        detail=detail,
    )
