"""Finding a webhook for a caller, and changing it without losing what somebody else changed meanwhile."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from relay.admin.endpoints import Answer, Call
from relay.admin.lists import PageQuery, bad_cursor, read_cursor, write_cursor
from relay.admin.problems import FieldError, invalid, not_found
from relay.admin.versions import revise, tag
from relay.admin.webhook_shapes import NewWebhook, WebhookChange, WebhookSettings, view
from relay.core.apikey import Scope
from relay.core.ids import WebhookId
from relay.core.webhook import Webhook

Wanted = TypeVar("Wanted", WebhookSettings, NewWebhook, WebhookChange)


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


def vetted(call: Call, asked: Wanted) -> Wanted:
    """What is asked, with connections by their ids, once others have judged what only they can: the URL, and the
    connections. Raises Problem (422).
    """
    errors, connections = [], asked.connections
    if "url" in asked.model_fields_set and (refused := call.rooms.vet(asked.url)):
        errors.append(FieldError("url", refused.rule))
    if asked.connections:
        known = by_name(call)
        errors += [
            FieldError(f"connections.{place}", "there is no such connection")
            for place, id in enumerate(asked.connections)
            if id not in known
        ]
        connections = [known.get(id, id) for id in asked.connections]
    if errors:
        raise invalid(*errors)
    return asked if connections == asked.connections else asked.model_copy(update={"connections": connections})


def by_name(call: Call) -> Mapping[str, str]:
    """A connection's id, by its id and by its name; of two with one name, the older one's."""
    connections = call.rooms.connections.all()
    named = {connection.name: connection.id for connection in reversed(connections) if connection.name}
    return named | {connection.id: connection.id for connection in connections}


def _birth(cursor: str) -> int:
    (mark,) = read_cursor(cursor, 1)
    if not mark.isdecimal() or len(mark) > 15:
        raise bad_cursor()
    return int(mark)
