"""Spans to a collector, by OTLP over HTTP: the one place that knows OpenTelemetry's library.

Its exporter encodes and sends; it reads the other variables of the specification by itself (OTEL_EXPORTER_OTLP_HEADERS,
…_TIMEOUT, …_CERTIFICATE, …_COMPRESSION, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES). Its tracers and its batch
processor are not used: our spans come finished, with ids of their own, and a queue of our own tells what it loses.
"""

import logging
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from relay import __version__
from relay.core.trace import Role, Span
from relay.tracing.traces import Unsent

KINDS = {Role.CONSUMER: SpanKind.CONSUMER, Role.INTERNAL: SpanKind.INTERNAL, Role.CLIENT: SpanKind.CLIENT}
SAMPLED = TraceFlags(TraceFlags.SAMPLED)
SCOPE = InstrumentationScope("relay", __version__)


class Otlp:
    def __init__(self, endpoint: str) -> None:
        """`endpoint`: the collector's address, as OTEL_EXPORTER_OTLP_ENDPOINT gives it."""
        self._said = _Last()
        self._exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        ours = Resource({"service.name": "slack-webhook-relay", "service.version": __version__})
        self._resource = ours.merge(OTELResourceDetector().detect())

    def __call__(self, spans: Sequence[Span]) -> None:
        """Blocks the calling greenlet only. Raises Unsent."""
        if self._exporter.export([self._readable(span) for span in spans]) is not SpanExportResult.SUCCESS:
            raise Unsent(self._said.sentence)

    def close(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # theirs
        self._said.stop()

    def _readable(self, span: Span) -> ReadableSpan:
        return ReadableSpan(
            span.name,
            context=_context(span.trace, span.id),
            parent=_context(span.trace, span.parent) if span.parent else None,
            resource=self._resource,
            attributes=span.attributes,
            kind=KINDS[span.role],
            status=Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET),
            start_time=int(span.began * 1e9),
            end_time=int(span.ended * 1e9),
            instrumentation_scope=SCOPE,
        )


class _Last(logging.Handler):
    """The exporter tells only the log why something failed: its last sentence is kept, and goes nowhere else."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.sentence = "the collector did not take them"
        self._logger = logging.getLogger("opentelemetry")
        self._logger.addHandler(self)
        self._logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        self.sentence = record.getMessage()

    def stop(self) -> None:
        self._logger.removeHandler(self)


def _context(trace: int, id: int) -> SpanContext:
    return SpanContext(trace, id, is_remote=False, trace_flags=SAMPLED)
