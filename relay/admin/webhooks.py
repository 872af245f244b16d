"""Webhooks: made, listed, shown, changed, removed."""

from pydantic import Field

from relay.admin.endpoints import ADMINS, ALL, OWNERS, Answer, Call, Noun, Shown
from relay.admin.lists import PageQuery
from relay.admin.problems import Problem, conflict, not_found
from relay.admin.records import change, find, page, shown, vetted
from relay.admin.trial import failed_verification
from relay.admin.versions import check_match, is_known, tag
from relay.admin.webhook_shapes import (
    NewWebhook,
    WebhookChange,
    WebhookView,
    WebhookWithSecret,
    changed,
    view,
    view_with_secret,
    with_settings,
)
from relay.core.ids import ID_BYTES, webhook_id
from relay.core.signing import SECRET_BYTES, make_secret
from relay.core.webhook import SigningSecret, Webhook
from relay.store.errors import NotFound

WEBHOOKS = Noun("Webhooks", "Where events go, which ones, and how.")


class WebhookPage(Shown):
    data: list[WebhookView]
    next_cursor: str | None = Field(description="for the next page; null: this was the last")


@WEBHOOKS.endpoint("POST /v1/webhooks", access=ADMINS, answers={201: WebhookWithSecret}, refusals=(409, 422))
def create(call: Call, body: NewWebhook) -> Answer:
    """Register a webhook.

    Answers with the webhook and its secret. The URL is judged by the guard that also stands before each delivery; with
    `"verify": true` it must first answer Slack's `url_verification` challenge.
    """
    rooms, now = call.rooms, call.rooms.now()
    if rooms.webhooks.count() >= rooms.most_webhooks:
        raise conflict("too_many_webhooks", f"This relay keeps at most {rooms.most_webhooks} webhooks.")
    body = vetted(call, body)
    blank = Webhook(
        id=webhook_id(rooms.dice(ID_BYTES)),
        url=body.url,
        events=tuple(body.events),
        secrets=(SigningSecret(secret=body.secret or make_secret(rooms.dice(SECRET_BYTES))),),
        created_at=now,
    )
    webhook = with_settings(blank, body, now=now)
    if body.verify and (why := failed_verification(rooms, webhook)):
        raise Problem(422, "verification_failed", f"The URL did not answer the challenge: {why}.")
    made = rooms.webhooks.add(webhook)
    headers = {"Location": f"/v1/webhooks/{made.id}", "ETag": tag(made)}
    return Answer(status=201, body=view_with_secret(made), headers=headers)


@WEBHOOKS.endpoint("GET /v1/webhooks", access=ALL, answers={200: WebhookPage}, refusals=(422,))
def index(call: Call, query: PageQuery) -> Answer:
    """List webhooks, newest first. To an owner's key, its own."""
    webhooks, cursor = page(call, query)
    return Answer(body=WebhookPage(data=[view(each) for each in webhooks], next_cursor=cursor))


@WEBHOOKS.endpoint("GET /v1/webhooks/{id}", access=ALL, answers={200: WebhookView, 304: None}, refusals=(404,))
def show(call: Call, id: str) -> Answer:
    """Show a webhook.

    The answer's ETag may be sent back: as `If-None-Match`, to be told 304 if nothing has changed; as `If-Match` with a
    change or a removal, to be refused with 412 if something has.
    """
    webhook = find(call, id)
    if is_known(call, webhook):
        return Answer(status=304, headers={"ETag": tag(webhook)})
    return shown(webhook)


@WEBHOOKS.endpoint("PATCH /v1/webhooks/{id}", access=OWNERS, answers={200: WebhookView}, refusals=(404, 409, 412, 422))
def update(call: Call, id: str, body: WebhookChange) -> Answer:
    """Change a webhook's settings.

    What is not named stays as it is, null puts a default back; lists and objects are replaced as wholes.
    """
    find(call, id)
    body = vetted(call, body)
    now = call.rooms.now()
    return shown(change(call, id, lambda webhook: with_settings(webhook, changed(webhook, body), now=now)))


@WEBHOOKS.endpoint("DELETE /v1/webhooks/{id}", access=OWNERS, answers={204: None}, refusals=(404, 412))
def delete(call: Call, id: str) -> Answer:
    """Remove a webhook; what is still to be delivered to it is cancelled."""
    webhook = find(call, id)
    check_match(call, webhook)
    try:
        call.rooms.webhooks.remove(webhook.id)
    except NotFound:
        raise not_found("webhook") from None
    return Answer(status=204)
