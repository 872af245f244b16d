"""What one try did, as a span: OpenTelemetry's words for an HTTP client's call, and ours for a delivery.

No URL: its path may be a secret. Host, port and scheme tell where it went.
"""

from urllib.parse import urlsplit

from relay.core.outcome import Refused
from relay.core.trace import EVENT_ID, EVENT_TYPE, Role, Span, attempt_id, first_id, trace_id
from relay.core.url import PORTS
from relay.deliver.verdicts import Tried


def attempt_span(tried: Tried) -> Span:
    """Its parent is the event's arrival: what is sent again years later still belongs there."""
    attempt, said = tried.attempt, tried.fact
    place = urlsplit(attempt.webhook.url)
    took_s = 0.0 if isinstance(tried.outcome, Refused) else tried.outcome.timing.total_s
    trace = trace_id(attempt.claim.event_id)
    attributes: dict[str, str | int | float] = {
        "http.request.method": "POST",
        "url.scheme": place.scheme,
        "server.address": place.hostname or "",
        "server.port": place.port or PORTS.get(place.scheme, 0),
        EVENT_ID: said.event,
        EVENT_TYPE: said.kind,
        "relay.webhook.id": said.webhook,
        "relay.delivery.id": said.delivery,
        "relay.attempt": said.attempt,
        "relay.verdict": said.verdict,
        "relay.result": said.result,
    }
    if said.attempt > 1:
        attributes["http.request.resend_count"] = said.attempt - 1
    if said.result.isdigit():
        attributes["http.response.status_code"] = int(said.result)
    is_delivered = said.verdict == "delivered"
    if not is_delivered:
        attributes["error.type"] = said.result
    return Span(
        name="POST",
        role=Role.CLIENT,
        trace=trace,
        id=attempt_id(attempt.claim),
        parent=first_id(trace),
        began=attempt.at,
        ended=attempt.at + took_s,
        attributes=attributes,
        error="" if is_delivered else said.detail or said.result,
    )
