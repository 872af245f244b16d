"""A collector of traces: what it is sent, as OpenTelemetry's own definitions read it."""

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.receivers import Receiver

Attribute = str | int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    name: str
    kind: int  # OTLP's number: 1 internal, 3 client, 5 consumer
    trace: int
    id: int
    parent: int  # 0: none
    start_ns: int
    end_ns: int
    failed: bool
    attributes: dict[str, Attribute]


class Collector:
    """`with Collector() as collector: … collector.endpoint, collector.spans()`. `receiver.answer` decides."""

    def __init__(self) -> None:
        self.receiver = Receiver()

    def __enter__(self) -> Self:
        self.receiver.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.receiver.__exit__(kind, error, trace)

    @property
    def endpoint(self) -> str:
        return self.receiver.url

    @property
    def service(self) -> str:
        """Who sent the last spans."""
        attributes = self._requests()[-1].resource_spans[0].resource.attributes
        return str(next(each.value.string_value for each in attributes if each.key == "service.name"))

    def spans(self) -> list[Collected]:
        return [
            Collected(
                name=span.name,
                kind=span.kind,
                trace=int.from_bytes(span.trace_id),
                id=int.from_bytes(span.span_id),
                parent=int.from_bytes(span.parent_span_id),
                start_ns=span.start_time_unix_nano,
                end_ns=span.end_time_unix_nano,
                failed=span.status.code == 2,
                attributes={
                    each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in span.attributes
                },
            )
            for request in self._requests()
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def _requests(self) -> list[ExportTraceServiceRequest]:
        assert {got.path for got in self.receiver.got} <= {"/v1/traces"}
        return [ExportTraceServiceRequest.FromString(got.body) for got in self.receiver.got]
