"""Counting in memory, and the sums as text."""

from collections import Counter

from hypothesis import given, strategies as st
from prometheus_client.parser import text_string_to_metric_families

from relay.core import exposition, metrics
from relay.core.metrics import EXPORTED, METRICS, Chart, MetricKind
from relay.core.minutes import latency_buckets, quantile, read_minute
from relay.core.tally import MOST_SERIES, OTHER, SUM, Tally

SECONDS = st.floats(min_value=0, max_value=4000)


def test_what_is_taken_is_counted_once() -> None:
    tally = Tally()
    tally.add(metrics.DELIVERIES, "delivered")
    tally.add(metrics.DELIVERIES, "delivered", by=2)
    assert tally.take() == {(metrics.DELIVERIES.name, "delivered"): 3}
    assert not tally
    assert tally.take() == {}


def test_what_comes_in_too_many_kinds_is_counted_together() -> None:
    tally = Tally()
    for number in range(MOST_SERIES + 10):
        tally.add(metrics.WEBHOOK_ATTEMPTS, f"wh_{number}", "ok")
    tally.add(metrics.WEBHOOK_ATTEMPTS, "wh_1", "ok")
    counted = tally.take()
    assert len(counted) == MOST_SERIES + 1
    assert counted[metrics.WEBHOOK_ATTEMPTS.name, OTHER, "ok"] == 10
    assert counted[metrics.WEBHOOK_ATTEMPTS.name, "wh_1", "ok"] == 2


@given(st.lists(SECONDS, min_size=1))
def test_a_histogram_says_what_was_observed(observed: list[float]) -> None:
    tally = Tally()
    for seconds in observed:
        tally.observe(metrics.ATTEMPT_S, seconds)
    families = {one.name: one for one in text_string_to_metric_families(exposition.write(EXPORTED, tally.take()))}
    samples = families[metrics.ATTEMPT_S.name].samples
    assert [one.value for one in samples if one.name.endswith("_count")] == [len(observed)]
    for sample in samples:
        if sample.name.endswith("_bucket"):
            assert sample.value == sum(seconds <= float(sample.labels["le"]) for seconds in observed)


@given(st.lists(SECONDS, min_size=1), st.sampled_from([0.5, 0.95]))
def test_a_quantile_is_in_the_bucket_of_the_true_one(observed: list[float], share: float) -> None:
    tally = Tally()
    for seconds in observed:
        tally.observe(metrics.DELIVERY_S, seconds)
    estimate = quantile(latency_buckets(tally.take()), share)
    rank = sorted(observed)[max(0, -(-int(share * 100) * len(observed) // 100) - 1)]
    above = [bound for bound in metrics.DELIVERY_S.bounds_s if bound >= rank] or [metrics.DELIVERY_S.bounds_s[-1]]
    assert estimate is not None
    assert 0 <= estimate <= above[0]


def test_no_deliveries_have_no_latency() -> None:
    assert quantile(latency_buckets({}), 0.5) is None


def test_a_minute_adds_up_connections_and_answers() -> None:
    tally = Tally()
    tally.add(metrics.EVENTS_RECEIVED, "con_1", by=3)
    tally.add(metrics.EVENTS_RECEIVED, "con_2", by=4)
    tally.add(metrics.DELIVERIES, "delivered", by=5)
    tally.add(metrics.DELIVERIES, "dead")
    tally.add(metrics.ATTEMPTS, "delivered", "2xx", by=5)
    tally.add(metrics.ATTEMPTS, "again", "5xx", by=2)
    tally.add(metrics.ATTEMPTS, "dead", "timeout")
    minute = read_minute(60, tally.take())
    assert (minute.events, minute.delivered, minute.failed, minute.dead) == (7, 5, 3, 1)


def test_labels_of_any_text_are_written_so_that_they_can_be_read() -> None:
    strange = 'a "quoted\\name"\nand more'
    text = exposition.write(EXPORTED, {(metrics.EVENTS_LOST.name, strange): 2})
    (family,) = [one for one in text_string_to_metric_families(text) if one.name == "relay_events_lost"]
    assert [(one.labels, one.value) for one in family.samples] == [({"connection": strange}, 2.0)]


def test_what_another_version_counts_with_other_labels_is_passed_over() -> None:
    samples = {(metrics.EVENTS_LOST.name, "con_1", "more"): 1, (metrics.EVENTS_LOST.name,): 1, ("unknown",): 1}
    families = text_string_to_metric_families(exposition.write(EXPORTED, samples))
    assert not [sample for family in families for sample in family.samples]


def test_metrics_are_named_as_prometheus_wants_them() -> None:
    assert max(Counter(metric.name for metric in METRICS).values()) == 1
    for metric in METRICS:
        assert metric.name.startswith("relay_")
        assert metric.name.endswith("_total") == (metric.kind is MetricKind.COUNTER), metric
        assert (metric.kind is MetricKind.HISTOGRAM) == bool(metric.bounds_s)
        assert list(metric.bounds_s) == sorted(set(metric.bounds_s))
        assert SUM not in metric.labels


def test_what_has_a_series_for_each_webhook_is_charted_and_not_exported() -> None:
    assert [metric for metric in METRICS if metric.chart is Chart.WEBHOOK] == [metrics.WEBHOOK_ATTEMPTS]
    assert metrics.WEBHOOK_ATTEMPTS not in EXPORTED
