"""A figure, what it must reach, and the middle of several."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """In the figure's own unit, or as a part of the limit where it has one."""

    must: float
    aim: float | None = None
    at_most: bool = False  # the less the better

    def met_by(self, figure: "Figure") -> bool:
        seen = figure.value if figure.ratio is None else figure.ratio
        return seen <= self.must if self.at_most else seen >= self.must


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`ratio`: to what `against` names, measured in the same round, as near as can be."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    against: str = ""
    note: str = ""


THE_LIMIT = "the limit"
THE_LIMIT_TLS = "the limit over TLS"
THE_PYTHON_SCRIPT = "the Python script"
THE_NODE_SCRIPT = "the Node script"

GOALS: Mapping[str, Goal] = {
    "deliveries, fan-out 1": Goal(must=0.4, aim=0.5),
    "deliveries, fan-out 10": Goal(must=0.55, aim=0.7),
    "deliveries, fan-out 100": Goal(must=0.6, aim=0.75),
    "deliveries over TLS, fan-out 1": Goal(must=0.4, aim=0.5),
    "deliveries over TLS, fan-out 10": Goal(must=0.55, aim=0.7),
    "deliveries over TLS, fan-out 100": Goal(must=0.6, aim=0.75),
    "ahead of the Python script": Goal(must=8.0),
    "ahead of the Node script": Goal(must=1.0),
    "latency p50": Goal(must=2.0, at_most=True),
    "latency p99": Goal(must=3.0, at_most=True),
    "latency p99, beside four that do harm": Goal(must=1.5, at_most=True),
    "a backlog, 2 workers": Goal(must=1.8),
    "memory in Redis, a pending delivery": Goal(must=300.0, at_most=True),
    "memory in Redis, a delivery in flight": Goal(must=300.0, at_most=True),
    "memory in Redis, a retrying delivery": Goal(must=300.0, at_most=True),
    "Redis commands a second, idle": Goal(must=2.0, at_most=True),
    "CPU, idle": Goal(must=0.5, at_most=True),
    "start to ready": Goal(must=1.5, at_most=True),
    "matching, growth from the fewest webhooks to the most": Goal(must=1.5, at_most=True),
}


def middle(rounds: Iterable[Sequence[Figure]]) -> list[Figure]:
    """Of each figure the median of its values, and the median of its ratios."""
    by_name: dict[str, list[Figure]] = {}
    for measured in rounds:
        for figure in measured:
            by_name.setdefault(figure.name, []).append(figure)
    return [_middle(figures) for figures in by_name.values()]


def _middle(figures: Sequence[Figure]) -> Figure:
    ratios = [figure.ratio for figure in figures if figure.ratio is not None]
    value = median(figure.value for figure in figures)
    return replace(figures[-1], value=value, ratio=median(ratios) if ratios else None)


def percentile(values: Sequence[float], part: float) -> float:
    """The value that `part` of all values don't exceed; `values` are sorted."""
    return values[min(len(values) - 1, int(len(values) * part))]
