"""The ledger, read: every column of one webhook or of all, at one moment. docs/decisions/ledger.md argues it."""

from collections.abc import Mapping

from relay.core.ids import WebhookId
from relay.core.ledger import Ledger
from relay.store.client import Client, Script
from relay.store.reply import flat_fields, integer, rows

LEDGER = Script("ledger")


def read_ledger(client: Client, shard: int, webhook: WebhookId | None) -> Ledger:
    """A shard's ledger of one webhook (zeros if there is none), or of all that ever were. Raises StoreAway."""
    whole, own, baseline = rows(client.run_on_shard(LEDGER, shard, (webhook or "",)))
    if webhook is None:
        return _of_all(flat_fields(whole))
    if baseline is None:
        return Ledger()
    events = _count(flat_fields(whole), "events")
    return _ledger(flat_fields(own), received=events - integer(baseline))


def _of_all(columns: Mapping[str, str]) -> Ledger:
    """Each webhook that lives has received all events since its beginning, each that is gone those until its end."""
    events, live, baseline, retired = (_count(columns, name) for name in ("events", "live", "baseline", "retired"))
    return _ledger(columns, received=events * live - baseline + retired, events=events)


def _ledger(columns: Mapping[str, str], *, received: int, events: int = 0) -> Ledger:
    received += _count(columns, "added")
    cancelled = _count(columns, "cancelled")
    return Ledger(
        received=received,
        filtered=received - _count(columns, "matched"),
        delivered=_count(columns, "delivered"),
        outstanding=_count(columns, "outstanding"),
        held=_count(columns, "held"),
        dead=_count(columns, "dead") + cancelled,
        cancelled=cancelled,
        events=events,
    )


def _count(columns: Mapping[str, str], name: str) -> int:
    return int(columns.get(name, 0))
