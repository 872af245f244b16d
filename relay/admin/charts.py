"""The last hour by the minute: what charts are drawn from."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import Field

from relay.admin.endpoints import ALL, READERS, Answer, Asked, Call, Noun, Shown
from relay.admin.moments import Moment, moment
from relay.admin.problems import not_found
from relay.admin.records import find
from relay.admin.stats import ColumnsView, columns_of
from relay.core.ids import WebhookId
from relay.core.minutes import Counted, Minute, latency_buckets, quantile, read_minute

CHARTS = Noun("Charts", "The last hour, minute by minute.")

MOST_IDS = 200


class MinuteView(Shown):
    at: Moment = Field(description="when it began; the last one still runs")
    events: int
    delivered: int
    failed: int = Field(description="attempts that the endpoint did not take")
    dead: int
    p50_ms: float | None = Field(description="from Slack's frame to the endpoint's answer, the median")
    p95_ms: float | None


class HourView(Shown):
    events: int
    delivered: int
    failed: int
    dead: int
    p50_ms: float | None
    p95_ms: float | None


class MinutesView(Shown):
    data: list[MinuteView] = Field(description="sixty, the oldest first")
    hour: HourView


class WebhookMinuteView(Shown):
    ok: int
    failed: int


class WebhookMinutesView(Shown):
    data: dict[str, list[WebhookMinuteView]] = Field(description="by id: attempts in each of the last sixty minutes")


class WebhooksQuery(Asked):
    ids: Annotated[str, Field(max_length=8000, description=f"webhooks, with commas; at most {MOST_IDS}")]


@CHARTS.endpoint("GET /v1/stats/minutes", access=READERS, answers={200: MinutesView})
def minutes(call: Call) -> Answer:
    """Show the last hour of the whole relay."""
    counted = call.rooms.counts.minutes(int(call.rooms.now()))
    read = [read_minute(at, each) for at, each in counted]
    return Answer(body=MinutesView(data=list(map(_minute, read)), hour=_hour(read, [each for _, each in counted])))


@CHARTS.endpoint("GET /v1/stats/webhooks", access=ALL, answers={200: WebhookMinutesView}, refusals=(404, 422))
def of_webhooks(call: Call, query: WebhooksQuery) -> Answer:
    """Show the last hour of some webhooks."""
    ids = [WebhookId(id) for id in query.ids.split(",")[:MOST_IDS] if id]
    if not all(map(call.may_see, ids)):
        raise not_found("webhook")
    found = call.rooms.counts.webhook_minutes(ids, int(call.rooms.now()))
    data = {str(id): [WebhookMinuteView(ok=each.ok, failed=each.failed) for each in row] for id, row in found.items()}
    return Answer(body=WebhookMinutesView(data=data))


@CHARTS.endpoint("GET /v1/stats/webhooks/{id}", access=ALL, answers={200: ColumnsView}, refusals=(404,))
def of_webhook(call: Call, id: str) -> Answer:
    """Show one webhook's ledger."""
    return Answer(body=columns_of(call, find(call, id).id))


def _minute(minute: Minute) -> MinuteView:
    return MinuteView(
        at=moment(minute.at),
        events=minute.events,
        delivered=minute.delivered,
        failed=minute.failed,
        dead=minute.dead,
        p50_ms=_ms(minute.p50_s),
        p95_ms=_ms(minute.p95_s),
    )


def _hour(minutes: Sequence[Minute], counted: Iterable[Counted]) -> HourView:
    buckets = [sum(column) for column in zip(*map(latency_buckets, counted), strict=True)]
    return HourView(
        events=sum(each.events for each in minutes),
        delivered=sum(each.delivered for each in minutes),
        failed=sum(each.failed for each in minutes),
        dead=sum(each.dead for each in minutes),
        p50_ms=_ms(quantile(buckets, 0.5)),
        p95_ms=_ms(quantile(buckets, 0.95)),
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
