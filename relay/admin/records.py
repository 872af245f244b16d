"""Finding a webhook for a caller, and changing it without losing what somebody else changed meanwhile."""

from collections.abc import Callable
from functools import partial

from relay.admin.endpoints import Answer, Call
from relay.admin.lists import PageQuery, bad_cursor, read_cursor, write_cursor
from relay.admin.problems import FieldError, invalid, not_found
from relay.admin.versions import revise, tag
from relay.admin.webhook_shapes import WebhookChange, WebhookSettings, view
from relay.core.apikey import Scope
from relay.core.ids import WebhookId
from relay.core.webhook import Webhook


def find(call: Call, id: str) -> Webhook:
    """The webhook, if the caller may know of it. Raises Problem (404)."""
    webhook = call.rooms.webhooks.get(WebhookId(id)) if call.may_see(WebhookId(id)) else None
    if webhook is None:
        raise not_found("webhook")
    return webhook


def page(call: Call, query: PageQuery) -> tuple[list[Webhook], str | None]:
    """Webhooks that the caller may know of, newest first, and the next page's cursor. Raises Problem (422)."""
    if call.caller.scope is Scope.OWNER:
        return list(filter(None, map(call.rooms.webhooks.get, sorted(call.caller.webhooks)))), None
    before = None if query.cursor is None else _birth(query.cursor)
    found = call.rooms.webhooks.page(before, query.limit)
    cursor = write_cursor(str(found[-1][0])) if len(found) == query.limit else None
    return [webhook for _, webhook in found], cursor


def change(call: Call, id: str, decide: Callable[[Webhook], Webhook], *, drain: bool = False) -> Webhook:
    """Keep what `decide` makes of the webhook as it stands. Raises Problem: 404, 409, 412 (If-Match)."""

    def keep(stands: Webhook) -> Webhook:
        return call.rooms.webhooks.change(decide(stands), drain=drain)

    return revise(call, partial(find, call, id), keep)


def shown(webhook: Webhook, *, status: int = 200) -> Answer:
    """The webhook as an answer, with its ETag."""
    return Answer(status=status, body=view(webhook), headers={"ETag": tag(webhook)})


def vet(call: Call, asked: WebhookSettings | WebhookChange) -> None:
    """Look at what only others can judge: the URL, and the connections. Raises Problem (422)."""
    errors = []
    if "url" in asked.model_fields_set and (refused := call.rooms.vet(asked.url)):
        errors.append(FieldError("url", refused.rule))
    if asked.connections:
        known = {connection.id for connection in call.rooms.connections.all()}
        errors += [
            FieldError(f"connections.{place}", "there is no such connection")
            for place, id in enumerate(asked.connections)
            if id not in known
        ]
    if errors:
        raise invalid(*errors)


def _birth(cursor: str) -> int:
    (mark,) = read_cursor(cursor, 1)
    if not mark.isdecimal() or len(mark) > 15:
        raise bad_cursor()
    return int(mark)
