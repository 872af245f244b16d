"""What one process has counted since it last told: sums in memory, so that counting costs a dictionary's step.

A series is a metric's name and its labels' values; of a histogram, one for each bucket and one for the sum, in
microseconds. Everything is a whole number, so that sums over processes are exact.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from typing import TypeAlias

from relay.core.metrics import Metric

Series: TypeAlias = tuple[str, ...]

SUM = "sum"
OTHER = "other"
MOST_SERIES = 2000
"""New series of one metric between two tellings; what comes beyond is counted under `other`."""

MICRO = 1_000_000

BUCKETS = tuple(map(str, range(64)))
"""A histogram's, by number."""


class Tally:
    __slots__ = ("_counts", "_kinds")

    def __init__(self) -> None:
        self._counts: dict[Series, int] = {}
        self._kinds: Counter[str] = Counter()  # series of each metric

    def __repr__(self) -> str:
        return f"<Tally of {len(self._counts)} series>"

    def __bool__(self) -> bool:
        return bool(self._counts)

    def add(self, metric: Metric, *labels: str, by: int = 1) -> None:
        self._add((metric.name, *labels), by)

    def observe(self, histogram: Metric, seconds: float, *labels: str) -> None:
        self._add((histogram.name, *labels, BUCKETS[bisect_left(histogram.bounds_s, seconds)]), 1)
        self._add((histogram.name, *labels, SUM), int(seconds * MICRO))

    def take(self) -> Mapping[Series, int]:
        """What was counted since the last take."""
        counts, self._counts = self._counts, {}
        self._kinds.clear()
        return counts

    def _add(self, series: Series, by: int) -> None:
        counts = self._counts
        try:
            counts[series] += by
        except KeyError:
            self._begin(series, by)

    def _begin(self, series: Series, by: int) -> None:
        if self._kinds[series[0]] >= MOST_SERIES:
            series = (series[0], OTHER, *series[2:])
        else:
            self._kinds[series[0]] += 1
        self._counts[series] = self._counts.get(series, 0) + by
