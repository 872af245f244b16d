"""What one process has counted since it last told: sums in memory, so that counting costs a dictionary's step.

Of a histogram there is a series for each bucket and one for the sum, in microseconds; here they stand in a row.
Everything is a whole number, so that sums over processes are exact. What comes in great numbers is only tallied as it
is, and sorted into its series when it is told.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from relay.core.metrics import Metric, Series

SUM = "sum"
OTHER = "other"
MOST_SERIES = 2000
"""New series of one metric between two tellings; what comes beyond is counted under `other`."""

MICRO = 1_000_000

BUCKETS = tuple(map(str, range(64)))
"""A histogram's, by number."""


Thing = tuple[str, ...]

Sorter = Callable[[Thing], Iterable[Series]]
"""The series in which a thing counts."""


class Tally:
    __slots__ = ("_counts", "_kinds", "_rows", "_times_ms", "_unsorted")

    def __init__(self) -> None:
        self._counts: dict[Series, int] = {}
        self._rows: dict[Series, list[int]] = {}  # of histograms: buckets, then the sum
        self._kinds: Counter[str] = Counter()  # series of each metric
        self._unsorted: dict[Sorter, Counter[Thing]] = defaultdict(Counter)
        self._times_ms: dict[Metric, Counter[int]] = defaultdict(Counter)  # of histograms

    def __repr__(self) -> str:
        return f"<Tally of {len(self._counts)} series, {len(self._rows)} histograms>"

    def __bool__(self) -> bool:
        return bool(self._counts or self._rows or self._unsorted or self._times_ms)

    def add(self, metric: Metric, *labels: str, by: int = 1) -> None:
        self._add((metric.name, *labels), by)

    def add_all(self, sorter: Sorter, things: Iterable[Thing]) -> None:
        """One for each thing, in each of the series that `sorter` says."""
        self._unsorted[sorter].update(things)

    def observe(self, histogram: Metric, seconds: float, *labels: str) -> None:
        row = self._row((histogram.name, *labels), histogram)
        row[bisect_left(histogram.bounds_s, seconds)] += 1
        row[-1] += int(seconds * MICRO)

    def observe_all(self, histogram: Metric, times_ms: Sequence[int]) -> None:
        """So many milliseconds each; for a histogram without labels."""
        if times_ms:
            self._times_ms[histogram].update(times_ms)

    def take(self) -> Mapping[Series, int]:
        """What was counted since the last take."""
        self._sort()
        counts, rows, self._counts, self._rows = self._counts, self._rows, {}, {}
        self._kinds.clear()
        for series, (*buckets, total) in rows.items():
            counts |= {(*series, BUCKETS[at]): count for at, count in enumerate(buckets) if count}
            counts[(*series, SUM)] = total
        return counts

    def _sort(self) -> None:
        for sorter, things in self._unsorted.items():
            for thing, count in things.items():
                for series in sorter(thing):
                    self._add(series, count)
        for histogram, times_ms in self._times_ms.items():
            row = self._row((histogram.name,), histogram)
            for ms, count in times_ms.items():
                row[bisect_left(histogram.bounds_s, ms / 1000)] += count
                row[-1] += ms * (MICRO // 1000) * count
        self._unsorted.clear()
        self._times_ms.clear()

    def _add(self, series: Series, by: int) -> None:
        place = self._place(series, self._counts)
        self._counts[place] = self._counts.get(place, 0) + by

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
