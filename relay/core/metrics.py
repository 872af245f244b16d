"""What is measured: each metric's name, kind, labels and meaning, in one place.

Counters and histograms are counted in each process (core/tally.py) and summed in Redis over all of them, so they grow
on through restarts and deploys. Gauges are read when somebody asks. Labels come from small closed sets, or are ids of
which there are few: connections, processes, and the webhooks with the largest backlogs.
"""

from enum import Enum, StrEnum, auto
from typing import TypeAlias

from msgspec import Struct


class MetricKind(StrEnum):
    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


class Chart(Enum):
    """Whether a metric is also kept by the minute, for the dashboard's last hour."""

    NONE = auto()
    WHOLE = auto()  # one line for the whole relay
    WEBHOOK = auto()  # a line for each webhook, of which there may be many: charted, and not exported


Series: TypeAlias = tuple[str, ...]
"""A metric's name and its labels' values."""


class Metric(Struct, frozen=True, kw_only=True, eq=False):
    name: str
    kind: MetricKind
    meaning: str
    labels: tuple[str, ...] = ()
    bounds_s: tuple[float, ...] = ()  # of a histogram's buckets, rising; one more goes on for ever
    chart: Chart = Chart.NONE

    def series(self, *labels: str) -> Series:
        return (self.name, *labels)


# Steps of about 1.5 where answers are quick: a median read from buckets is then off by a quarter at most.
LATENCY_S = (
    *(0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75),
    *(1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 300.0, 1800.0),
)
CALL_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
STALLED_S = (1.0, 2.5, 5.0, 10.0, 30.0)
OUTAGE_S = (1.0, 5.0, 15.0, 60.0, 300.0, 1800.0)


def _counter(name: str, meaning: str, *labels: str, chart: Chart = Chart.NONE) -> Metric:
    return Metric(name=name, kind=MetricKind.COUNTER, meaning=meaning, labels=labels, chart=chart)


def _gauge(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(name=name, kind=MetricKind.GAUGE, meaning=meaning, labels=labels)


def _histogram(
    name: str, meaning: str, *labels: str, bounds_s: tuple[float, ...] = LATENCY_S, chart: Chart = Chart.NONE
) -> Metric:
    return Metric(name=name, kind=MetricKind.HISTOGRAM, meaning=meaning, labels=labels, bounds_s=bounds_s, chart=chart)


EVENTS_RECEIVED = _counter(
    "relay_events_received_total",
    "Events that came and were kept, each once; `relay` for the relay's own.",
    "connection",
    chart=Chart.WHOLE,
)
EVENTS_DEDUPLICATED = _counter(
    "relay_events_deduplicated_total", "Copies of events that were there already.", "connection"
)
EVENTS_FILTERED = _counter("relay_events_filtered_total", "Events that no webhook wanted.")
EVENTS_LOST = _counter(
    "relay_events_lost_total", "Events that found no room while Redis was away: gone, and told.", "connection"
)
FRAMES_SKIPPED = _counter(
    "relay_frames_skipped_total", "Frames from Slack that no event could be made of.", "connection"
)
DELIVERIES_CREATED = _counter("relay_deliveries_created_total", "Deliveries made by matching events with webhooks.")
DELIVERIES = _counter(
    "relay_deliveries_total",
    "Deliveries that a try brought to an end, or set aside: delivered, dead, held. Replayed ones come again.",
    "outcome",
    chart=Chart.WHOLE,
)
ATTEMPTS = _counter(
    "relay_attempts_total",
    "POSTs by what was decided (delivered, again, dead, gone) and what was answered (2xx … 5xx, or why nothing was).",
    "verdict",
    "result",
    chart=Chart.WHOLE,
)
WEBHOOK_ATTEMPTS = _counter(
    "relay_webhook_attempts_total", "POSTs of one webhook: ok or failed.", "webhook", "result", chart=Chart.WEBHOOK
)
ATTEMPT_S = _histogram("relay_attempt_duration_seconds", "How long one POST took, name and connection included.")
DELIVERY_S = _histogram(
    "relay_delivery_latency_seconds",
    "From the frame on Slack's socket to the endpoint's 2xx, retries included; not of what was held or is sent again.",
    chart=Chart.WHOLE,
)
SETTLED_LATE = _counter(
    "relay_settled_late_total", "Results that came after their lease had run out: posted twice, perhaps."
)
WEBHOOKS_DISABLED = _counter(
    "relay_webhooks_disabled_total", "Webhooks disabled by themselves: failing, gone.", "reason"
)
WEBHOOK_WARNINGS = _counter("relay_webhook_warnings_total", "Warnings that a webhook only fails.")
SOCKETS_ENDED = _counter(
    "relay_sockets_ended_total",
    "Sockets to Slack that ended, by why; `silent` is one that was dead while it looked alive.",
    "why",
)
CONNECTION_CHANGES = _counter(
    "relay_connection_changes_total", "Changes of a connection's status, by what it became.", "connection", "status"
)
LOOP_FAILURES = _counter("relay_loop_failures_total", "Turns of a loop that ended in a bug; it went on.", "loop")
STALL_S = _histogram(
    "relay_stall_duration_seconds",
    "How long everything in a process stood still, beyond half a second.",
    bounds_s=STALLED_S,
)
REDIS_OUTAGES = _counter("relay_redis_outages_total", "Outages of Redis, as each loop saw them.", "loop")
REDIS_OUTAGE_S = _histogram(
    "relay_redis_outage_duration_seconds", "How long outages that are over lasted.", "loop", bounds_s=OUTAGE_S
)
REDIS_CALL_S = _histogram(
    "relay_redis_call_duration_seconds", "Round trips to Redis, by script.", "script", bounds_s=CALL_S
)
REQUEST_FAILURES = _counter("relay_request_failures_total", "Requests to the API that ended in a bug.")
STREAM_DROPPED = _counter("relay_stream_dropped_total", "Frames that a watcher of the live stream was too slow for.")
SPANS_LOST = _counter("relay_spans_lost_total", "Spans for traces that the collector did not take, or in no time.")

CONNECTION_UP = _gauge("relay_connection_up", "1 while Slack is heard, else 0.", "connection", "kind")
CONNECTION_STATUS = _gauge("relay_connection_status", "1 for the status that a connection has.", "connection", "status")
CONNECTION_OFFLINE_S = _counter(
    "relay_connection_offline_seconds_total", "Seconds in which Slack was not heard, in all.", "connection"
)
CONNECTION_RECONNECTS = _counter("relay_connection_reconnects_total", "New sockets after the first.", "connection")
LEDGER = _gauge("relay_ledger_deliveries", "Deliveries now in each column of the ledger.", "column")
FAN_OUT_LAG_S = _gauge("relay_fan_out_lag_seconds", "Age of the oldest event that is not yet matched; 0 for none.")
BACKLOG = _gauge(
    "relay_backlog_deliveries", "Outstanding deliveries, for the webhooks with the most (100 at most).", "webhook"
)
BACKLOG_AGE_S = _gauge(
    "relay_backlog_age_seconds", "How long the longest waiting delivery of such a webhook is overdue.", "webhook"
)
WEBHOOKS = _gauge("relay_webhooks", "Webhooks registered.")
PROCESSES = _gauge("relay_process_info", "1 for each process that lives.", "process", "what", "host", "version")
LOOP_IDLE_S = _gauge("relay_loop_idle_seconds", "Since a loop last turned; beyond 30 it is stuck.", "process", "loop")
IN_FLIGHT = _gauge("relay_in_flight", "POSTs under way.", "process")
WATCHERS = _gauge("relay_stream_watchers", "Open live streams.", "process")
REDIS_UP = _gauge("relay_redis_up", "1 if Redis answered this question, else 0.")

METRICS: tuple[Metric, ...] = tuple(value for value in vars().copy().values() if isinstance(value, Metric))
"""All of them, in the order of the page that documents them."""

EXPORTED: tuple[Metric, ...] = tuple(metric for metric in METRICS if metric.chart is not Chart.WEBHOOK)
