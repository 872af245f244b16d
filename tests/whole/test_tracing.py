"""One trace for one event, made by processes that share nothing but Redis."""

from collections.abc import Iterator
from contextlib import contextmanager

from relay.core.ids import EventId
from relay.core.trace import trace_id
from relay.simulator.options import BOT_TOKEN
from relay.simulator.slack import SimulatedSlack
from tests.collector import Collected, Collector
from tests.receivers import Answer, Got, Receiver
from tests.waiting import until
from tests.whole.api import call
from tests.whole.browser import add_webhook
from tests.whole.program import Program
from tests.whole.scene import speak


@contextmanager
def traced(slack: SimulatedSlack, redis_url: str, endpoint: str) -> Iterator[Program]:
    env = {"SLACK_API_URL": slack.api_url, "SLACK_BOT_TOKEN": BOT_TOKEN, "REDIS_URL": redis_url}
    with Program("serve", env | {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}) as relay:
        relay.fact("connection_changed", status="connected")
        yield relay
        assert relay.end() == 0


def test_an_event_is_one_trace_from_the_frame_to_each_attempt(
    slack: SimulatedSlack, redis_url: str, receiver: Receiver
) -> None:
    def fail_once(got: Got) -> Answer:
        return Answer(503 if len(receiver.got) == 1 else 200)

    receiver.answer = fail_once
    with Collector() as collector:
        with traced(slack, redis_url, collector.endpoint) as relay:
            webhook = add_webhook(relay, receiver.url, retry_schedule=[0.1], headers={"X-Team": "a-secret"})
            speak(slack, "hello")
            receiver.wait_for(2)
            attempt = relay.fact("attempt", verdict="delivered")
        spans = {span.id: span for span in collector.spans() if span.trace == trace_id(EventId(str(attempt["event"])))}
        assert not any(b"a-secret" in got.body or b"hello" in got.body for got in collector.receiver.got)
    by_name: dict[str, list[Collected]] = {}
    for span in sorted(spans.values(), key=lambda span: span.start_ns):
        by_name.setdefault(span.name, []).append(span)
    (first,), (fan_out,), (failed, delivered) = by_name["receive"], by_name["fan out"], by_name["POST"]
    assert first.parent == 0
    assert {fan_out.parent, failed.parent, delivered.parent} == {first.id}
    assert first.start_ns <= fan_out.start_ns <= failed.start_ns < failed.end_ns <= delivered.start_ns
    assert fan_out.attributes["relay.deliveries"] == 1
    assert (failed.failed, delivered.failed) == (True, False)
    assert delivered.attributes["http.response.status_code"] == 200
    assert delivered.attributes["relay.delivery.id"] == attempt["delivery"]
    assert (delivered.attributes["relay.attempt"], delivered.attributes["relay.webhook.id"]) == (2, webhook)
    assert [got.headers["traceparent"] for got in receiver.got] == [
        f"00-{span.trace:032x}-{span.id:016x}-01" for span in (failed, delivered)
    ]


def test_a_collector_that_is_away_costs_no_delivery_and_no_header(
    slack: SimulatedSlack, redis_url: str, receiver: Receiver
) -> None:
    with traced(slack, redis_url, "http://127.0.0.1:9") as relay:
        add_webhook(relay, receiver.url)
        for number in range(20):
            speak(slack, f"hello {number}")
        assert all("traceparent" in got.headers for got in receiver.wait_for(20))


def test_without_a_collector_no_parent_is_named_that_nobody_has(
    slack: SimulatedSlack, relay: Program, receiver: Receiver
) -> None:
    add_webhook(relay, receiver.url)
    speak(slack, "hello")
    (got,) = receiver.wait_for(1)
    assert "traceparent" not in got.headers
    owned = call(relay.address, "POST /v1/webhooks", {"url": receiver.url, "headers": {"traceparent": "00-1-2-01"}})
    assert owned.status == 422
    until(lambda: relay.fact("attempt"))
