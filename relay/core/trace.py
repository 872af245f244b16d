"""Traces: the way of one event, as spans whose ids each process finds by itself.

A trace's id comes from the event's, a span's from what the span is about. So processes that share nothing but Redis
make parts of one trace, nothing more is stored, and what an endpoint is told in `traceparent` is the very span that is
shown later. The model is OpenTelemetry's (opentelemetry.io/docs/specs/otel/trace/api), the header W3C's
(w3.org/TR/trace-context); the library is relay/tracing/'s alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from hashlib import blake2b

from msgspec import Struct

from relay.core.delivery import Claim
from relay.core.envelope import Envelope
from relay.core.ids import EventId

EVENT_ID = "relay.event.id"
EVENT_TYPE = "relay.event.type"

_ODD = 0x9E3779B97F4A7C15  # multiplying by it modulo 2⁶⁴ mixes a number's bits and gives no two the same
_LOW = (1 << 64) - 1


class Role(StrEnum):
    CONSUMER = "consumer"  # takes a message in
    INTERNAL = "internal"
    CLIENT = "client"  # calls somebody


class Span(Struct, frozen=True, kw_only=True):
    """One stage of an event's way; times are Unix seconds."""

    name: str
    role: Role
    trace: int
    id: int
    parent: int = 0  # 0: the first of its trace
    began: float
    ended: float
    attributes: Mapping[str, str | int | float]
    error: str = ""  # a sentence; "" if it went well


Trace = Callable[[Iterable[Span]], None]
"""Whoever is told spans. Never waits."""


def trace_id(event: EventId) -> int:
    return int(_trace_digits(event), 16)


def attempt_id(claim: Claim) -> int:
    """Of the span of that one try: no two claims have the same fence."""
    return (claim.fence * _ODD + claim.sequence) & _LOW or 1


def traceparent(claim: Claim) -> str:
    """The header of that one try, sampled: on the hot path, so no more than a hash and a format."""
    return f"00-{_trace_digits(claim.event_id)}-{attempt_id(claim):016x}-01"


def first_id(trace: int) -> int:
    """Of a trace's first span: the event's arrival."""
    return trace >> 64 or 1


def arrivals(envelopes: Sequence[Envelope], are_new: Sequence[bool], *, now: float) -> Iterable[Span]:
    """From the frame to the journal, for each that is new there since `now`."""
    for envelope, is_new in zip(envelopes, are_new, strict=True):
        if is_new:
            trace = trace_id(envelope.event_id)
            yield Span(
                name="receive",
                role=Role.CONSUMER,
                trace=trace,
                id=first_id(trace),
                began=min(envelope.received_at, now),
                ended=now,
                attributes={
                    "messaging.system": "slack",
                    "messaging.operation.type": "receive",
                    EVENT_ID: envelope.event_id,
                    EVENT_TYPE: envelope.kind,
                    "relay.connection.id": envelope.connection or "relay",
                },
            )


def fan_out(event: EventId, deliveries: int, *, at: str, began: float, ended: float) -> Span:
    """An event, or a part of its matches, has become deliveries; `at`: the cursor at which that began."""
    trace = trace_id(event)
    return Span(
        name="fan out",
        role=Role.INTERNAL,
        trace=trace,
        id=int.from_bytes(blake2b(f"{event} {at}".encode(), digest_size=8).digest()) or 1,
        parent=first_id(trace),
        began=began,
        ended=ended,
        attributes={EVENT_ID: event, "relay.deliveries": deliveries},
    )


def _trace_digits(event: EventId) -> str:
    return blake2b(event.encode(), digest_size=16).hexdigest()
