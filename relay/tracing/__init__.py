"""Spans on their way to a collector. `start` begins it where somebody wants them and the library is there."""

from typing import ClassVar

from relay.report import Fact, Level, Reporter
from relay.tracing.traces import Traces

__all__ = ["Traces", "start"]


class TracesOff(Fact, frozen=True, kw_only=True):
    """A collector is named, and what it takes to speak to it is not installed: the relay works on without traces."""

    level: ClassVar[Level] = Level.WARNING
    why: str


def start(endpoint: str, report: Reporter) -> Traces | None:
    """`endpoint`: OTEL_EXPORTER_OTLP_ENDPOINT, "" for nobody."""
    if not endpoint:
        return None
    try:
        from relay.tracing.otlp import Otlp  # noqa: PLC0415  # an optional extra, and none of it for who has no use
    except ImportError as missing:
        report(TracesOff(why=f"{missing}; install slack-webhook-relay[otel]"))
        return None
    traces = Traces(Otlp(endpoint), report)
    traces.start()
    return traces
