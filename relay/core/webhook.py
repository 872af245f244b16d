"""A webhook: where events go, which ones, and how. The whole record, as the store keeps it and the edges read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from relay.core.ids import ConnectionId, WebhookId

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"

# The Standard Webhooks schedule (github.com/standard-webhooks, spec, "Retry schedule"): at once, then these waits.
RETRY_SCHEDULE_S: tuple[float, ...] = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)


class Format(StrEnum):
    SLACK = "slack"
    CLOUDEVENTS = "cloudevents"


SLACK, CLOUDEVENTS = Format  # for the hot path, as in core/envelope.py


class Order(StrEnum):
    NONE = "none"
    CHANNEL = "channel"
    ALL = "all"


class Status(StrEnum):
    ENABLED = "enabled"
    DISABLED = "disabled"


class DisabledReason(StrEnum):
    MANUAL = "manual"
    GONE = "gone"
    FAILING = "failing"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningSecret:
    """One `whsec_…` secret; `until` is the Unix second at which an old one stops signing, None for the newest."""

    secret: str = field(repr=False)
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    id: WebhookId
    url: str
    events: tuple[str, ...]  # selectors: "message", "message.channel_join", "channel_*", "*", "**"
    secrets: tuple[SigningSecret, ...] = field(repr=False)  # newest first, never empty
    connections: tuple[ConnectionId, ...] = ()  # empty: every connection
    channels: tuple[str, ...] = ()  # empty: every channel
    filter: Mapping[str, Json] | None = None  # an EventBridge-style pattern over the envelope
    description: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    format: Format = Format.SLACK
    timeout_s: float = 10.0
    max_in_flight: int = 10
    rate_limit: float | None = None  # POSTs a second
    order: Order = Order.NONE
    reply: bool = False
    retry_schedule_s: tuple[float, ...] = RETRY_SCHEDULE_S
    status: Status = Status.ENABLED
    disabled_reason: DisabledReason | None = None
    created_at: float = 0.0
    updated_at: float = 0.0
    version: int = 0  # grows with each change; the ETag


def lane_of(webhook: Webhook, channel: str) -> str:
    """What an event of `channel` must stay in order with, on its way to `webhook`: "" if with nothing."""
    match webhook.order:
        case Order.NONE:
            return ""
        case Order.CHANNEL:
            return channel or "-"
        case Order.ALL:
            return "*"
