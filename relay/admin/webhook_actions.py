"""What can be done with a webhook: its secret shown and rotated, enabled and disabled, tried."""

from dataclasses import replace
from functools import partial
from typing import Literal

from pydantic import Field

from relay.admin.attempts import AttemptView, attempt_of_outcome
from relay.admin.endpoints import OWNERS, Answer, Asked, Call, Noun, Shown
from relay.admin.moments import AskedDuration, Moment, moment, read_duration
from relay.admin.problems import FieldError, Problem, invalid
from relay.admin.records import change, find, shown
from relay.admin.trial import failed_verification, send_sample
from relay.admin.webhook_fields import Secret
from relay.admin.webhook_shapes import WebhookView
from relay.core.signing import SECRET_BYTES, make_secret
from relay.core.webhook import DisabledReason, SigningSecret, Status, Webhook

WEBHOOK_ACTIONS = Noun("Webhook actions", "A webhook's secret, its switch, and trial calls.")

OVERLAP_S = 7 * 86400.0
LIVE_SECRETS = 5
"""How many secrets sign at once, after rotations in quick succession: each is a signature in the header."""


class OldSecret(Shown):
    secret: str
    until: Moment = Field(description="when it stops to sign")


class SecretView(Shown):
    """The key of both signatures."""

    secret: str = Field(description="the newest: Slack's scheme uses it as it is, Standard Webhooks decodes it")
    old_secrets: list[OldSecret] = Field(description="those that still sign beside it (Standard Webhooks only)")


class Rotation(Asked):
    overlap: AskedDuration = Field("24h", description="how long the old secret still signs: 0s to 7d")
    secret: Secret | None = Field(None, description="the new secret; made here if it is not given")


class Enabling(Asked):
    drain: bool = Field(default=False, description="deliver what was held while it was disabled")


class Verification(Shown):
    verified: Literal[True]


@WEBHOOK_ACTIONS.endpoint(
    "GET /v1/webhooks/{id}/secret", access=OWNERS, answers={200: SecretView}, refusals=(404,), audited=True
)
def secret(call: Call, id: str) -> Answer:
    """Show a webhook's secret."""
    return Answer(body=_secrets(find(call, id), call.rooms.now()))


@WEBHOOK_ACTIONS.endpoint(
    "POST /v1/webhooks/{id}/rotate-secret", access=OWNERS, answers={200: SecretView}, refusals=(404, 409, 412, 422)
)
def rotate_secret(call: Call, id: str, body: Rotation) -> Answer:
    """Give a webhook a new secret.

    For the overlap both sign: the Standard Webhooks header holds a signature of each; Slack's holds one, the new.
    """
    overlap_s = read_duration(body.overlap)
    if overlap_s > OVERLAP_S:
        raise invalid(FieldError("overlap", "must be at most 7d"))
    now = call.rooms.now()
    newest = body.secret or make_secret(call.rooms.dice(SECRET_BYTES))
    webhook = change(call, id, partial(_rotated, newest=newest, until=now + overlap_s, now=now))
    return Answer(body=_secrets(webhook, now))


@WEBHOOK_ACTIONS.endpoint(
    "POST /v1/webhooks/{id}/enable", access=OWNERS, answers={200: WebhookView}, refusals=(404, 409, 412, 422)
)
def enable(call: Call, id: str, body: Enabling) -> Answer:
    """Enable a webhook, and deliver what was held if asked to."""
    now = call.rooms.now()
    enabled = partial(replace, status=Status.ENABLED, disabled_reason=None, updated_at=now)
    return shown(change(call, id, enabled, drain=body.drain))


@WEBHOOK_ACTIONS.endpoint(
    "POST /v1/webhooks/{id}/disable", access=OWNERS, answers={200: WebhookView}, refusals=(404, 409, 412)
)
def disable(call: Call, id: str) -> Answer:
    """Disable a webhook; events that come are held for it."""
    now = call.rooms.now()
    disabled = partial(replace, status=Status.DISABLED, disabled_reason=DisabledReason.MANUAL, updated_at=now)
    return shown(change(call, id, disabled))


@WEBHOOK_ACTIONS.endpoint(
    "POST /v1/webhooks/{id}/test", access=OWNERS, answers={200: AttemptView}, refusals=(404,), audited=False
)
def test(call: Call, id: str) -> Answer:
    """Send one signed sample event now, and show what came of it.

    The sample goes the way of every delivery, past the same guard. It is not retried, and counts nowhere.
    """
    webhook, at = find(call, id), call.rooms.now()
    return Answer(body=attempt_of_outcome(send_sample(call.rooms, webhook), webhook, at=at))


@WEBHOOK_ACTIONS.endpoint(
    "POST /v1/webhooks/{id}/verify", access=OWNERS, answers={200: Verification}, refusals=(404, 422), audited=False
)
def verify(call: Call, id: str) -> Answer:
    """Send Slack's `url_verification` challenge now."""
    webhook = find(call, id)
    if why := failed_verification(call.rooms, webhook):
        raise Problem(422, "verification_failed", f"The URL did not answer the challenge: {why}.")
    return Answer(body=Verification(verified=True))


def _rotated(webhook: Webhook, *, newest: str, until: float, now: float) -> Webhook:
    """The newest first; the one before signs `until` then, and none longer than it was told to."""
    live = [one for one in webhook.secrets if one.until is None or one.until > now]
    old = [replace(one, until=until if one.until is None else min(one.until, until)) for one in live]
    kept = [one for one in old if one.until is not None and one.until > now and one.secret != newest]
    secrets = (SigningSecret(secret=newest), *kept[: LIVE_SECRETS - 1])
    return replace(webhook, secrets=secrets, updated_at=now)


def _secrets(webhook: Webhook, now: float) -> SecretView:
    newest, *old = webhook.secrets
    live = [OldSecret(secret=one.secret, until=moment(one.until)) for one in old if one.until and one.until > now]
    return SecretView(secret=newest.secret, old_secrets=live)
