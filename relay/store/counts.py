"""Counts: what the processes have counted, summed; by the minute for the last hour; and who lives.

A process tells what it has counted in one step, under a number of its own: if the answer is lost it tells the same
again, and nothing is counted twice. The sums belong to nobody, so a process that ends takes nothing with it but what it
had not told.
"""

import json
from collections.abc import Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import asdict

from relay.core.ids import WebhookId
from relay.core.metrics import METRICS, WEBHOOK_ATTEMPTS, Chart, Series
from relay.core.minutes import MINUTES, Counted
from relay.store.client import GLOBAL, Argument, Client, Script
from relay.store.errors import translated
from relay.store.keys import Keys
from relay.store.records import understood, write_record
from relay.store.reply import integer, maybe_bytes, pairs, rows, text

GAP = "\x1f"
"""Between the parts of a series in a field's name: no label holds it."""

LIVES_S = 30.0
"""A process that has not told for so long has ended, or stands still."""

_CHARTS = {metric.name: metric.chart for metric in METRICS}


class ProcessRecord(Struct, frozen=True, kw_only=True):
    """What a process says about itself each time it tells."""

    what: str  # serve, web, worker
    host: str
    version: str
    pid: int
    started_at: float
    loops_idle_s: Mapping[str, float] = field(default_factory=dict)
    in_flight: int = 0
    watchers: int = 0


class WebhookMinute(Struct, frozen=True, kw_only=True):
    ok: int = 0
    failed: int = 0


class Counts:
    __slots__ = ("_client", "_count", "_keys")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._keys = Keys(GLOBAL)
        self._count = Script("count", shard=False)

    def tell(self, process: str, number: int, counted: Counted, *, record: ProcessRecord | None) -> None:
        """Add what `process` has counted, unless this `number` was added before; `record` is None when it ends.

        Raises StoreAway: then tell the same again.
        """
        by_chart: dict[Chart, list[Argument]] = {chart: [] for chart in Chart}
        for series, by in counted.items():
            by_chart[_CHARTS[series[0]]] += (GAP.join(series), by)
        charted, webhooks = by_chart[Chart.WHOLE], by_chart[Chart.WEBHOOK]
        sums = by_chart[Chart.NONE] + charted
        sizes = [len(part) // 2 for part in (sums, charted, webhooks)]
        said = write_record(asdict(record)) if record else ""
        self._client.run(self._count, GLOBAL, (process, number, said, *sizes, *sums, *charted, *webhooks))

    def sums(self) -> Counted:
        """Everything that was ever counted. Raises StoreAway."""
        with translated():
            return _counted(self._client.redis.hgetall(self._keys("counts")))

    def minutes(self, until: int) -> list[tuple[int, Counted]]:
        """The MINUTES up to `until` (Unix seconds), oldest first, by their beginnings. Raises StoreAway."""
        beginnings = _beginnings(until)
        pipeline = self._client.redis.pipeline(transaction=False)
        for at in beginnings:
            pipeline.hgetall(self._keys("minute", at // 60))
        with translated():
            answers = pipeline.execute()
        return [(at, _counted(answer)) for at, answer in zip(beginnings, answers, strict=True)]

    def webhook_minutes(self, ids: Sequence[WebhookId], until: int) -> Mapping[WebhookId, list[WebhookMinute]]:
        """The same minutes of these webhooks. Raises StoreAway."""
        if not ids:
            return {}
        fields = [GAP.join((WEBHOOK_ATTEMPTS.name, id, result)) for id in ids for result in ("ok", "failed")]
        pipeline = self._client.redis.pipeline(transaction=False)
        for at in _beginnings(until):
            pipeline.hmget(self._keys("minute_webhooks", at // 60), fields)
        with translated():
            answers = pipeline.execute()
        counts = [[integer(count or 0) for count in rows(answer)] for answer in answers]
        return {
            id: [WebhookMinute(ok=row[2 * place], failed=row[2 * place + 1]) for row in counts]
            for place, id in enumerate(ids)
        }

    def processes(self, now: float) -> Mapping[str, ProcessRecord]:
        """Those that live, by name. Raises StoreAway."""
        with translated():
            names = rows(self._client.redis.zrangebyscore(self._keys("processes"), (now - LIVES_S) * 1000, "+inf"))
            pipeline = self._client.redis.pipeline(transaction=False)
            for name in map(text, names):
                pipeline.hget(self._keys("process", name), "r")
            records = map(maybe_bytes, pipeline.execute())
            return {
                text(name): ProcessRecord(**understood(json.loads(record), ProcessRecord))
                for name, record in zip(names, records, strict=True)
                if record
            }


def _beginnings(until: int) -> list[int]:
    last = until // 60 * 60
    return [last - 60 * back for back in reversed(range(MINUTES))]


def _counted(reply: object) -> Counted:
    counted: dict[Series, int] = {}
    for name, count in pairs(reply).items():
        counted[tuple(name.decode().split(GAP))] = int(count)
    return counted
