"""The ledger: where every delivery is, whole and for each webhook."""

from pydantic import Field

from relay.admin.endpoints import ALL, Answer, Call, Noun, Shown
from relay.admin.lists import PageQuery
from relay.admin.records import page
from relay.core.apikey import Scope
from relay.core.ids import WebhookId
from relay.core.ledger import Ledger

STATS = Noun("Stats", "The ledger, which closes at any moment.")


class ColumnsView(Shown):
    """received = filtered + delivered + outstanding + held + dead."""

    received: int = Field(description="events, once for each webhook that existed when they came")
    filtered: int = Field(description="those that the webhook did not want")
    delivered: int
    outstanding: int = Field(description="pending, sending or retrying")
    held: int = Field(description="waiting for their webhook to be enabled")
    dead: int = Field(description="given up, or cancelled")
    cancelled: int = Field(description="of the dead")


class StatsView(ColumnsView):
    events: int = Field(description="that came, whatever became of them")
    webhooks: dict[str, ColumnsView] = Field(description="by id: this page of them")
    next_cursor: str | None


@STATS.endpoint("GET /v1/stats", access=ALL, answers={200: StatsView}, refusals=(422,))
def show(call: Call, query: PageQuery) -> Answer:
    """Show the ledger, whole and for a page of webhooks. To an owner's key, of its webhooks alone."""
    webhooks, cursor = page(call, query)
    of_webhooks = {each.id: _ledger(call, each.id) for each in webhooks}
    whole = sum(of_webhooks.values(), Ledger()) if call.caller.scope is Scope.OWNER else _ledger(call, None)
    return Answer(
        body=StatsView(
            **_columns(whole),
            events=whole.events,
            webhooks={id: ColumnsView(**_columns(each)) for id, each in of_webhooks.items()},
            next_cursor=cursor,
        )
    )


def columns_of(call: Call, id: WebhookId) -> ColumnsView:
    """Of one webhook. Raises StoreAway."""
    return ColumnsView(**_columns(_ledger(call, id)))


def _ledger(call: Call, webhook: WebhookId | None) -> Ledger:
    """Of all shards together."""
    return sum((shard.deliveries.ledger(webhook) for shard in call.rooms.shards), Ledger())


def _columns(ledger: Ledger) -> dict[str, int]:
    return {name: getattr(ledger, name) for name in ColumnsView.model_fields}
