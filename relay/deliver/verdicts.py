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
from relay.store.deliveries import Accepted, Settlement

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
    settlement: Settlement | Accepted
    fact: Attempt  # the log line


class Unsent(Struct, frozen=True, kw_only=True, gc=False):
    """What could not even be tried: to be settled."""

    settlement: Settlement


def conclude(attempt: Try, outcome: Outcome, *, now: float, dice: float) -> Tried:
    """`now`: Unix seconds; `dice`: 0 to 1."""
    claim, webhook, envelope = attempt.claim, attempt.webhook, attempt.envelope
    verdict = judge(outcome, claim.tries, webhook.retry_schedule_s, now=now, dice=dice)
    line = attempt_line(claim, webhook, outcome, media=envelope.media, at=attempt.at)
    if isinstance(outcome, Answered):
        result, detail, took_s = STATUS[outcome.status], "", outcome.timing.total_s
    else:
        result, detail, took_s = _silence(outcome)
    again_in_s, latency_ms, reason = None, None, ""
    settlement: Settlement | Accepted
    if verdict is not DELIVERED:
        settlement = _settlement(claim, outcome, verdict, line=line)
        if isinstance(verdict, Again):
            again_in_s = verdict.wait_s
        else:
            reason = settlement.reason
    elif webhook.reply and isinstance(outcome, Answered):
        reply = reply_to(envelope, outcome, now=now, connections=webhook.connections)
        settlement = Settlement(claim=claim, step=ACCEPT, failed=False, attempt=line, reply=reply)
    else:
        settlement = Accepted(claim.sequence, claim.fence, line.decode())
    if isinstance(verdict, Delivered) and not claim.belated:  # from Slack's frame; perhaps by a clock that was set back
        latency_ms = max(0, int((attempt.at + took_s - envelope.received_at) * 1000))
    fact = Attempt(
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
    return Tried(attempt=attempt, outcome=outcome, settlement=settlement, fact=fact)


def _silence(outcome: Failed | Refused) -> tuple[str, str, float]:
    """Why there is no answer, in a word and in a sentence, and the seconds it took."""
    if isinstance(outcome, Refused):
        return "refused", outcome.rule, 0.0
    return outcome.failure, outcome.detail, outcome.timing.total_s


def unsent(claim: Claim, reason: Reason, *, why: str, at: float) -> Unsent:
    """For a claim that cannot be made into a POST, and never will; `why` is a sentence, `at` Unix seconds."""
    said: dict[str, Json] = {"at": round(at, 3), "n": claim.tries + claim.losses + 1, "url": ""}
    line = json_text.write({**said, "failure": str(reason), "detail": why})
    return Unsent(settlement=Settlement(claim=claim, step=Step.GIVE_UP, failed=False, reason=reason, attempt=line))


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
