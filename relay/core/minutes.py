"""The last hour by the minute, from what was counted: events in, callbacks out, how quick, how well."""

from collections.abc import Mapping

from msgspec import Struct

from relay.core.metrics import ATTEMPTS, DELIVERIES, DELIVERY_S, EVENTS_RECEIVED, Series
from relay.core.tally import SUM

MINUTES = 60

Counted = Mapping[Series, int]


class Minute(Struct, frozen=True, kw_only=True):
    """`at`: Unix seconds of its beginning. The latencies are None where nothing was delivered."""

    at: int
    events: int = 0
    delivered: int = 0
    failed: int = 0  # attempts that were not taken
    dead: int = 0
    p50_s: float | None = None
    p95_s: float | None = None


def read_minute(at: int, counted: Counted) -> Minute:
    attempts = _by_label(counted, ATTEMPTS.name)
    outcomes = _by_label(counted, DELIVERIES.name)
    buckets = latency_buckets(counted)
    return Minute(
        at=at,
        events=sum(_by_label(counted, EVENTS_RECEIVED.name).values()),
        delivered=outcomes.get("delivered", 0),
        failed=sum(attempts.values()) - attempts.get("delivered", 0),
        dead=outcomes.get("dead", 0),
        p50_s=quantile(buckets, 0.5),
        p95_s=quantile(buckets, 0.95),
    )


def latency_buckets(counted: Counted) -> list[int]:
    """How many deliveries fell into each bucket; several minutes' lists may be added up."""
    buckets = [0] * (len(DELIVERY_S.bounds_s) + 1)
    for series, count in counted.items():
        if series[0] == DELIVERY_S.name and series[-1] != SUM:
            buckets[int(series[-1])] += count
    return buckets


def quantile(buckets: list[int], share: float) -> float | None:
    """The latency that `share` of all deliveries stayed below, read from the buckets as Prometheus reads it."""
    total = sum(buckets)
    if not total:
        return None
    bounds_s = DELIVERY_S.bounds_s
    rank, below = share * total, 0
    for index, count in enumerate(buckets[:-1]):
        if below + count >= rank:
            floor_s = bounds_s[index - 1] if index else 0.0
            return floor_s + (bounds_s[index] - floor_s) * (rank - below) / count
        below += count
    return bounds_s[-1]


def _by_label(counted: Counted, name: str) -> dict[str, int]:
    """Sums over the first label."""
    sums: dict[str, int] = {}
    for series, count in counted.items():
        if series[0] == name:
            sums[series[1]] = sums.get(series[1], 0) + count
    return sums
