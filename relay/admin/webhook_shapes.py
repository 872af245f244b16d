"""Webhooks as people send and see them, and the way from there to the record and back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, cast

from pydantic import Field, JsonValue, ValidationError

from relay.admin.endpoints import Asked, AskedChange, Shown
from relay.admin.moments import Moment, moment
from relay.admin.problems import from_validation
from relay.admin.webhook_fields import (
    Channels,
    Connections,
    Description,
    Events,
    Filter,
    FormatWord,
    Headers,
    MaxInFlight,
    OrderWord,
    RateLimit,
    RetrySchedule,
    Secret,
    Timeout,
    Url,
)
from relay.core.ids import ConnectionId
from relay.core.webhook import RETRY_SCHEDULE_S, DisabledReason, Format, Json, Order, Status, Webhook


class WebhookSettings(Asked):
    """What an owner decides about a webhook."""

    url: Url
    events: Events
    connections: Connections = Field([], description="ids or names; none: every connection")
    channels: Channels = Field([], description="ids; none: every channel")
    filter: Filter | None = None
    description: Description = ""
    headers: Headers = Field({})
    format: FormatWord = "slack"
    timeout: Timeout = 10.0
    max_in_flight: MaxInFlight = 10
    rate_limit: RateLimit | None = None
    order: OrderWord = "none"
    reply: bool = Field(default=False, description="post the `text` or `blocks` of a 2xx answer to the channel")
    retry_schedule: RetrySchedule | None = Field(None, description="null: the Standard Webhooks schedule")
    enabled: bool = Field(default=True, description="false: its events are held")


class NewWebhook(WebhookSettings):
    """A webhook to be: where events go, which, and how."""

    secret: Secret | None = Field(
        None, description="`whsec_` and base64 of 24 to 64 bytes; made here if it is not given"
    )
    verify: bool = Field(default=False, description="first send Slack's url_verification challenge; refuse if it fails")


class WebhookChange(AskedChange):
    """The fields to change; null puts a field's default back."""

    url: Url = ""
    events: Events = Field([])
    connections: Connections | None = None
    channels: Channels | None = None
    filter: Filter | None = None
    description: Description | None = None
    headers: Headers | None = None
    format: FormatWord | None = None
    timeout: Timeout | None = None
    max_in_flight: MaxInFlight | None = None
    rate_limit: RateLimit | None = None
    order: OrderWord | None = None
    reply: bool | None = None
    retry_schedule: RetrySchedule | None = None
    enabled: bool | None = None


class WebhookView(Shown):
    """A webhook. Its secret and its headers' values are never shown here."""

    id: str
    url: str
    events: list[str]
    connections: list[str]
    channels: list[str]
    filter: dict[str, JsonValue] | None
    description: str
    header_names: list[str]
    format: FormatWord
    timeout: float
    max_in_flight: int
    rate_limit: float | None
    order: OrderWord
    reply: bool
    retry_schedule: list[float]
    status: Literal["enabled", "disabled"]
    disabled_reason: Literal["manual", "gone", "failing"] | None
    created_at: Moment
    updated_at: Moment


class WebhookWithSecret(WebhookView):
    """A webhook that was just made, with its secret."""

    secret: str


def view(webhook: Webhook) -> WebhookView:
    return WebhookView(
        id=webhook.id,
        url=webhook.url,
        events=list(webhook.events),
        connections=list(webhook.connections),
        channels=list(webhook.channels),
        filter=_filter(webhook),
        description=webhook.description,
        header_names=[name for name, _ in webhook.headers],
        format=webhook.format.value,
        timeout=webhook.timeout_s,
        max_in_flight=webhook.max_in_flight,
        rate_limit=webhook.rate_limit,
        order=webhook.order.value,
        reply=webhook.reply,
        retry_schedule=list(webhook.retry_schedule_s),
        status=webhook.status.value,
        disabled_reason=webhook.disabled_reason.value if webhook.disabled_reason else None,
        created_at=moment(webhook.created_at),
        updated_at=moment(webhook.updated_at),
    )


def view_with_secret(webhook: Webhook) -> WebhookWithSecret:
    return WebhookWithSecret(**dict(view(webhook)), secret=webhook.secrets[0].secret)


def changed(webhook: Webhook, change: WebhookChange) -> WebhookSettings:
    """The settings of `webhook` with the change in them. Raises Problem if one that was allowed once is no more."""
    stands = dict(_settings(webhook))
    wanted = {name: getattr(change, name) for name in change.model_fields_set}
    merged = {name: value for name, value in (stands | wanted).items() if value is not None}
    try:
        return WebhookSettings.model_validate(merged)
    except ValidationError as error:
        raise from_validation(error) from None


def with_settings(webhook: Webhook, settings: WebhookSettings, *, now: float) -> Webhook:
    """The record of `webhook` as its owner wants it now."""
    status, reason = Status.ENABLED, None
    if not settings.enabled:
        status, reason = Status.DISABLED, webhook.disabled_reason or DisabledReason.MANUAL
    return replace(
        webhook,
        url=settings.url,
        events=tuple(settings.events),
        connections=tuple(map(ConnectionId, settings.connections)),
        channels=tuple(settings.channels),
        filter=cast(Mapping[str, Json] | None, settings.filter),  # pydantic's JsonValue is our Json
        description=settings.description,
        headers=tuple(settings.headers.items()),
        format=Format(settings.format),
        timeout_s=settings.timeout,
        max_in_flight=settings.max_in_flight,
        rate_limit=settings.rate_limit,
        order=Order(settings.order),
        reply=settings.reply,
        retry_schedule_s=RETRY_SCHEDULE_S if settings.retry_schedule is None else tuple(settings.retry_schedule),
        status=status,
        disabled_reason=reason,
        updated_at=now,
    )


def _settings(webhook: Webhook) -> WebhookSettings:
    """As they stand; what was allowed once is not asked again."""
    return WebhookSettings.model_construct(
        url=webhook.url,
        events=list(webhook.events),
        connections=list(webhook.connections),
        channels=list(webhook.channels),
        filter=_filter(webhook),
        description=webhook.description,
        headers=dict(webhook.headers),
        format=webhook.format.value,
        timeout=webhook.timeout_s,
        max_in_flight=webhook.max_in_flight,
        rate_limit=webhook.rate_limit,
        order=webhook.order.value,
        reply=webhook.reply,
        retry_schedule=list(webhook.retry_schedule_s),
        enabled=webhook.status is Status.ENABLED,
    )


def _filter(webhook: Webhook) -> dict[str, JsonValue] | None:
    return (
        None if webhook.filter is None else cast(dict[str, JsonValue], dict(webhook.filter))
    )  # our Json is pydantic's
