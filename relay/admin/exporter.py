"""`GET /metrics`: what all processes have counted, and how things stand now, for Prometheus.

It needs no token, as /healthz needs none: labels are ids and words of a closed set, never names, URLs or secrets.
"""

from collections.abc import Iterator

from flask import Blueprint, Response

from relay.admin.options import AdminOptions
from relay.core import exposition, metrics
from relay.core.connection import ConnectionStatus
from relay.core.errors import Away
from relay.core.ledger import Ledger
from relay.core.metrics import Series
from relay.store.backlogs import longest_backlogs
from relay.store.counts import Counts

Sample = tuple[Series, float]


def exporter(rooms: AdminOptions) -> Blueprint:
    blueprint = Blueprint("metrics", __name__)

    @blueprint.get("/metrics")
    def show() -> Response:
        try:
            samples = dict(rooms.counts.sums()) | dict(_gauges(rooms))
        except Away:
            samples = {(metrics.REDIS_UP.name,): 0}
        return Response(exposition.write(metrics.EXPORTED, samples), content_type=exposition.MEDIA)

    return blueprint


def _gauges(rooms: AdminOptions) -> Iterator[Sample]:
    """Raises Away."""
    now = rooms.now()
    yield (metrics.REDIS_UP.name,), 1
    yield (metrics.WEBHOOKS.name,), rooms.webhooks.count()
    yield (metrics.FAN_OUT_LAG_S.name,), max(shard.backlogs.fan_out_lag_s(now) for shard in rooms.shards)
    ledger = sum((shard.deliveries.ledger() for shard in rooms.shards), Ledger())
    for column in ("received", "filtered", "delivered", "outstanding", "held", "dead", "cancelled"):
        yield (metrics.LEDGER.name, column), getattr(ledger, column)
    for backlog in longest_backlogs((shard.backlogs for shard in rooms.shards), now):
        yield (metrics.BACKLOG.name, backlog.webhook), backlog.outstanding
        yield (metrics.BACKLOG_AGE_S.name, backlog.webhook), backlog.overdue_s
    yield from _connections(rooms)
    yield from _processes(rooms.counts, now)


def _connections(rooms: AdminOptions) -> Iterator[Sample]:
    connections = rooms.connections.all()
    states = rooms.states.of(each.id for each in connections)
    for connection in connections:
        state = states.get(connection.id)
        status = state.status if state else ConnectionStatus.CONNECTING
        yield (metrics.CONNECTION_UP.name, connection.id, connection.kind), status is ConnectionStatus.CONNECTED
        for each in ConnectionStatus:
            yield (metrics.CONNECTION_STATUS.name, connection.id, each), each is status
        yield (metrics.CONNECTION_OFFLINE_S.name, connection.id), state.offline_s if state else 0
        yield (metrics.CONNECTION_RECONNECTS.name, connection.id), state.reconnects if state else 0


def _processes(counts: Counts, now: float) -> Iterator[Sample]:
    for name, record in counts.processes(now).items():
        yield (metrics.PROCESSES.name, name, record.what, record.host, record.version), 1
        yield (metrics.IN_FLIGHT.name, name), record.in_flight
        yield (metrics.WATCHERS.name, name), record.watchers
        for loop, idle_s in record.loops_idle_s.items():
            yield (metrics.LOOP_IDLE_S.name, name, loop), idle_s
