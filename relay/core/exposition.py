"""Metrics as text, for Prometheus and all that read its format (version 0.0.4)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from relay.core.metrics import Metric, MetricKind, Series
from relay.core.tally import MICRO, SUM

MEDIA = "text/plain; version=0.0.4; charset=utf-8"

Samples = Mapping[Series, float]
"""Values by series: a metric's name, its labels' values and, of a histogram, the bucket."""


def write(metrics: Iterable[Metric], samples: Samples) -> str:
    """A metric without samples is announced all the same: dashboards find its name before anything has happened."""
    by_name = {name: list(group) for name, group in groupby(sorted(samples), key=lambda series: series[0])}
    lines: list[str] = []
    for metric in metrics:
        lines += (f"# HELP {metric.name} {_escaped(metric.meaning)}", f"# TYPE {metric.name} {metric.kind}")
        found = [series for series in by_name.get(metric.name, ()) if _fits(metric, series)]
        if metric.kind is MetricKind.HISTOGRAM:
            lines += _histograms(metric, found, samples)
        else:
            lines += (_line(metric.name, _pairs(metric, series), samples[series]) for series in found)
    return "\n".join(lines) + "\n"


def _fits(metric: Metric, series: Series) -> bool:
    """An older version's process may still count with other labels."""
    return len(series) == 1 + len(metric.labels) + (metric.kind is MetricKind.HISTOGRAM)


def _histograms(metric: Metric, found: Sequence[Series], samples: Samples) -> Iterator[str]:
    for labelled, _ in groupby(found, key=lambda series: series[:-1]):
        pairs = _pairs(metric, labelled)
        total = 0.0
        for index, bound in enumerate([*map(_number, metric.bounds_s), "+Inf"]):
            total += samples.get((*labelled, str(index)), 0)
            yield _line(f"{metric.name}_bucket", [*pairs, ("le", bound)], total)
        yield _line(f"{metric.name}_sum", pairs, samples.get((*labelled, SUM), 0) / MICRO)
        yield _line(f"{metric.name}_count", pairs, total)


def _pairs(metric: Metric, series: Series) -> list[tuple[str, str]]:
    return list(zip(metric.labels, series[1:], strict=False))


def _line(name: str, pairs: Sequence[tuple[str, str]], value: float) -> str:
    labels = ",".join(f'{label}="{_quoted(text)}"' for label, text in pairs)
    return f"{name}{{{labels}}} {_number(value)}" if labels else f"{name} {_number(value)}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(round(value, 6))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', '\\"')
