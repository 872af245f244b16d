"""What one process has counted since it last told: sums in memory, so that counting costs a dictionary's step.

Of a histogram there is a series for each bucket and one for the sum, in microseconds; here they stand in a row.
Everything is a whole number, so that sums over processes are exact.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

from relay.core.metrics import Metric, Series

SUM = "sum"
OTHER = "other"
MOST_SERIES = 2000
"""New series of one metric between two tellings; what comes beyond is counted under `other`."""

MICRO = 1_000_000

BUCKETS = tuple(map(str, range(64)))
"""A histogram's, by number."""


class Tally:
    __slots__ = ("_counts", "_kinds", "_rows")

    def __init__(self) -> None:
        self._counts: dict[Series, int] = {}
        self._rows: dict[Series, list[int]] = {}  # of histograms: buckets, then the sum
        self._kinds: Counter[str] = Counter()  # series of each metric

    def __repr__(self) -> str:
        return f"<Tally of {len(self._counts)} series, {len(self._rows)} histograms>"

    def __bool__(self) -> bool:
        return bool(self._counts or self._rows)

    def add(self, metric: Metric, *labels: str, by: int = 1) -> None:
        self.add_series((metric.name, *labels), by)

    def add_series(self, series: Series, by: int) -> None:
        place = self._place(series, self._counts)
        self._counts[place] = self._counts.get(place, 0) + by

    def observe(self, histogram: Metric, seconds: float, *labels: str) -> None:
        row = self._row((histogram.name, *labels), histogram)
        row[bisect_left(histogram.bounds_s, seconds)] += 1
        row[-1] += int(seconds * MICRO)

    def observe_all(self, histogram: Metric, times_ms: Mapping[int, int]) -> None:
        """`times_ms`: so many milliseconds, so often."""
        if not times_ms:
            return
        row = self._row((histogram.name,), histogram)
        for ms, often in times_ms.items():
            row[bisect_left(histogram.bounds_s, ms / 1000)] += often
            row[-1] += ms * (MICRO // 1000) * often

    def take(self) -> Mapping[Series, int]:
        """What was counted since the last take."""
        counts, rows, self._counts, self._rows = self._counts, self._rows, {}, {}
        self._kinds.clear()
        for series, (*buckets, total) in rows.items():
            counts |= {(*series, BUCKETS[at]): count for at, count in enumerate(buckets) if count}
            counts[(*series, SUM)] = total
        return counts

    def _row(self, series: Series, histogram: Metric) -> list[int]:
        row = self._rows.get(series)
        if row is None:
            place = self._place(series, self._rows)
            row = self._rows.setdefault(place, [0] * (len(histogram.bounds_s) + 2))
        return row

    def _place(self, series: Series, known: Mapping[Series, object]) -> Series:
        """Where it is counted: beyond MOST_SERIES of a metric, among the others."""
        if series not in known:
            if self._kinds[series[0]] >= MOST_SERIES:
                return (series[0], OTHER, *series[2:])
            self._kinds[series[0]] += 1
        return series
