"""Deliveries: listed, shown with every attempt, sent again, cancelled."""

from typing import Annotated, Literal

from pydantic import Field

from relay.admin.attempts import AttemptView, attempt_of_line
from relay.admin.delivery_details import Details, details_of
from relay.admin.delivery_lists import look_up, of_all, of_event, of_webhooks, take
from relay.admin.endpoints import ALL, OWNERS, Answer, Call, Noun, Shown
from relay.admin.lists import PageQuery
from relay.admin.moments import Moment, maybe_moment, moment
from relay.admin.problems import conflict, not_found
from relay.core.apikey import Scope
from relay.core.delivery import Delivery, Step
from relay.core.ids import DeliveryId, EventId, WebhookId, read_delivery_id

DELIVERIES = Noun("Deliveries", "One event on its way to one webhook, with every attempt.")

StateWord = Literal["pending", "sending", "retrying", "delivered", "dead", "held", "cancelled"]


class DeliveryQuery(PageQuery):
    webhook: Annotated[str | None, Field(max_length=64, description="a webhook's id")] = None
    event: Annotated[str | None, Field(max_length=128, description="an event's id")] = None
    status: Annotated[StateWord | None, Field(description="only those in this state")] = None


class DeliverySummary(Shown):
    id: str = Field(description="also its `webhook-id` header")
    webhook: str
    event: str
    status: StateWord
    reason: str | None = Field(description="why, where the status alone does not say")
    tries: int = Field(description="attempts since it was last sent on its way")
    created_at: Moment
    next_attempt_at: Moment | None
    settled_at: Moment | None


class DeliveryView(DeliverySummary):
    attempts: list[AttemptView] = Field(description="every attempt, oldest first")


class LastAttempt(Shown):
    at: Moment
    status: int | None
    failure: str | None
    duration_ms: float | None


class DeliveryLine(DeliverySummary):
    event_type: str | None = Field(description="null: the event is no longer kept")
    last_attempt: LastAttempt | None


class DeliveryPage(Shown):
    data: list[DeliveryLine]
    next_cursor: str | None = Field(description="for the next page, which may be empty; null: this was the last")


@DELIVERIES.endpoint("GET /v1/deliveries", access=ALL, answers={200: DeliveryPage}, refusals=(404, 422))
def index(call: Call, query: DeliveryQuery) -> Answer:
    """List deliveries, newest first: of a webhook, of an event, or all. To an owner's key, those of its webhooks."""
    shards = call.rooms.shards
    visible = call.caller.webhooks if call.caller.scope is Scope.OWNER else None
    if query.webhook is not None:
        if visible is not None and query.webhook not in visible:
            raise not_found("webhook")
        listed = of_webhooks(shards, [WebhookId(query.webhook)], query.cursor)
    elif visible is not None:
        listed = of_webhooks(shards, sorted(visible), query.cursor)
    elif query.event is not None:
        listed = of_event(shards, EventId(query.event), query.cursor)
    else:
        listed = of_all(shards, query.cursor)

    def wanted(delivery: Delivery) -> bool:
        return query.event in {None, delivery.event_id} and query.status in {None, delivery.state}

    page = take(shards, listed, wanted=wanted, limit=query.limit)
    details = details_of(shards, page.deliveries)
    return Answer(body=DeliveryPage(data=[_line(each, details) for each in page.deliveries], next_cursor=page.cursor))


@DELIVERIES.endpoint("GET /v1/deliveries/{id}", access=ALL, answers={200: DeliveryView}, refusals=(404,))
def show(call: Call, id: str) -> Answer:
    """Show a delivery and each of its attempts."""
    return Answer(body=_view(call, _find(call, id)))


@DELIVERIES.endpoint("POST /v1/deliveries/{id}/retry", access=OWNERS, answers={202: DeliveryView}, refusals=(404, 409))
def retry(call: Call, id: str) -> Answer:
    """Send it again now, with a new round of its schedule; its `webhook-id` stays."""
    return _redo(call, id, Step.REPLAY)


@DELIVERIES.endpoint("POST /v1/deliveries/{id}/cancel", access=OWNERS, answers={200: DeliveryView}, refusals=(404, 409))
def cancel(call: Call, id: str) -> Answer:
    """Send it no more."""
    return _redo(call, id, Step.CANCEL)


def _find(call: Call, id: str) -> Delivery:
    try:
        read_delivery_id(id)
    except ValueError:
        raise not_found("delivery") from None
    (delivery,) = look_up(call.rooms.shards, [DeliveryId(id)])
    if delivery is None or not call.may_see(delivery.webhook):
        raise not_found("delivery, or it is no longer kept")
    return delivery


def _redo(call: Call, id: str, step: Step) -> Answer:
    delivery = _find(call, id)
    shard = call.rooms.shards[read_delivery_id(id)[1]]
    (done,) = shard.deliveries.redo([delivery.id], step)
    match done:
        case 1:
            status = 202 if step is Step.REPLAY else 200
            return Answer(status=status, body=_view(call, _find(call, id)))
        case 0:
            raise conflict("wrong_state", f"A delivery that is {_find(call, id).state} cannot be {_WORDS[step]}.")
        case -2:
            raise conflict("event_gone", "Its event is no longer kept.")
        case -3:
            raise conflict("webhook_gone", "Its webhook has been removed.")
        case _:
            raise not_found("delivery, or it is no longer kept")


_WORDS = {Step.REPLAY: "retried", Step.CANCEL: "cancelled"}


def _summary(delivery: Delivery) -> DeliverySummary:
    return DeliverySummary(
        id=delivery.id,
        webhook=delivery.webhook,
        event=delivery.event_id,
        status=delivery.state.value,
        reason=delivery.reason or None,
        tries=delivery.tries,
        created_at=moment(delivery.created_at),
        next_attempt_at=maybe_moment(delivery.due_at),
        settled_at=maybe_moment(delivery.settled_at),
    )


def _line(delivery: Delivery, details: Details) -> DeliveryLine:
    last = details.attempts.get(delivery.id)
    return DeliveryLine(
        **dict(_summary(delivery)),
        event_type=details.kinds.get(delivery.event_id),
        last_attempt=None
        if last is None
        else LastAttempt(at=last.at, status=last.status, failure=last.failure, duration_ms=last.duration_ms),
    )


def _view(call: Call, delivery: Delivery) -> DeliveryView:
    lines = call.rooms.shards[read_delivery_id(delivery.id)[1]].deliveries.attempts.of(delivery.id)
    return DeliveryView(**dict(_summary(delivery)), attempts=[attempt_of_line(line, delivery.id) for line in lines])
