"""From the journal to the endpoint: what a callback is, and what each answer leads to."""

from collections.abc import Iterator

import pytest
from gevent.event import Event
from slack_sdk.signature import SignatureVerifier
from standardwebhooks import Webhook as StandardWebhook

from relay.core.delivery import State
from relay.core.webhook import Status
from relay.report import Attempt
from tests.edges.engine import Engine, running
from tests.receivers import Answer, Got, Receiver
from tests.store.filled import SECRET, webhook
from tests.waiting import until


@pytest.fixture
def engine(redis_url: str) -> Iterator[Engine]:
    with running(redis_url) as engine:
        yield engine


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def test_an_event_becomes_a_callback_that_both_verifiers_accept(engine: Engine, receiver: Receiver) -> None:
    engine.webhooks.add(webhook("wh_1", url=receiver.url))
    engine.append("Ev1")
    (got,) = receiver.wait_for(1)
    assert got.body == b'{"type":"event_callback"}'
    assert SignatureVerifier(SECRET).is_valid_request(got.body, got.headers)
    StandardWebhook(SECRET).verify(got.body, got.headers)
    assert got.headers["user-agent"] == "slack-webhook-relay/test"
    assert "x-slack-retry-num" not in got.headers
    until(lambda: engine.settled(1))
    (id,) = engine.ids()
    assert got.headers["webhook-id"] == id
    assert engine.state(id) is State.DELIVERED


def test_a_failure_is_tried_again_with_slack_s_retry_headers_and_the_same_webhook_id(
    engine: Engine, receiver: Receiver
) -> None:
    engine.webhooks.add(webhook("wh_1", url=receiver.url, retry_schedule_s=(0.05, 0.05)))
    receiver.answer = lambda got: Answer(200 if "x-slack-retry-num" in got.headers else 500)
    engine.append("Ev1")
    first, second = receiver.wait_for(2)
    assert (second.headers["x-slack-retry-num"], second.headers["x-slack-retry-reason"]) == ("1", "http_error")
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    until(lambda: engine.settled(1))
    assert len(engine.deliveries.attempts.of(engine.ids()[0])) == 2


def test_after_the_last_try_a_delivery_is_dead(engine: Engine, receiver: Receiver) -> None:
    engine.webhooks.add(webhook("wh_1", url=receiver.url, retry_schedule_s=(0.01,)))
    receiver.answer = lambda got: Answer(500)
    engine.append("Ev1")
    until(lambda: engine.ledger().dead == 1)
    assert engine.delivery(engine.ids()[0]).reason == "exhausted"
    assert len(receiver.got) == 2


@pytest.mark.parametrize(
    ("answer", "state", "reason"),
    [
        (Answer(204), State.DELIVERED, ""),
        (Answer(404, b'{"error":"unhandled request"}'), State.DELIVERED, "unhandled"),
        (Answer(404, b'{"error":"no handler found"}'), State.DELIVERED, "unhandled"),
        (Answer(500, headers=(("X-Slack-No-Retry", "1"),)), State.DEAD, "no_retry"),
        (Answer(301, headers=(("Location", "http://127.0.0.1:1/"),)), State.RETRYING, "too_many_redirects"),
        (Answer(404), State.RETRYING, "http_error"),
        (Answer(410), State.HELD, "gone"),
    ],
    ids=["2xx", "Bolt for Python has no listener", "Bolt for Java has none", "no retry", "redirect", "404", "410"],
)
def test_an_answer_decides(engine: Engine, receiver: Receiver, answer: Answer, state: State, reason: str) -> None:
    engine.webhooks.add(webhook("wh_1", url=receiver.url))
    receiver.answer = lambda got: answer
    engine.append("Ev1")
    receiver.wait_for(1)
    until(lambda: engine.state(engine.ids()[0]) is state)
    assert engine.delivery(engine.ids()[0]).reason == reason


def test_410_disables_the_webhook_and_tells(engine: Engine, receiver: Receiver) -> None:
    engine.webhooks.add(webhook("wh_1", url=receiver.url))
    with Receiver() as owner:
        engine.webhooks.add(webhook("wh_2", url=owner.url, events=("relay.*",)))
        receiver.answer = lambda got: Answer(410)
        engine.append("Ev1")
        told = owner.wait_for(1)[0]
    assert b'"relay.webhook_disabled"' in told.body
    found = engine.webhooks.get("wh_1")  # type: ignore[arg-type]
    assert found is not None
    assert (found.status, found.disabled_reason) == (Status.DISABLED, "gone")


def test_what_a_worker_breaks_off_at_its_end_goes_on_at_once_elsewhere(
    engine: Engine, receiver: Receiver, redis_url: str
) -> None:
    engine.webhooks.add(webhook("wh_1", url=receiver.url))
    over = Event()

    def answer(got: Got) -> Answer:
        if "x-slack-retry-num" not in got.headers:
            over.wait()
        return Answer()

    receiver.answer = answer
    engine.append(*(f"Ev{number}" for number in range(8)))  # more than the breaker would bear
    receiver.wait_for(8)
    engine.worker.stop_claiming()
    engine.poster.close(0.0)
    with running(redis_url) as successor:
        until(lambda: successor.settled(8), saying="all was delivered by another")
    over.set()
    seen = [got.headers["x-slack-retry-reason"] for got in receiver.got if "x-slack-retry-num" in got.headers]
    assert seen == ["unknown_error"] * 8
    assert {engine.delivery(id).tries for id in engine.ids()} == {1}


def test_an_address_that_is_not_public_is_refused_and_not_retried(engine: Engine) -> None:
    engine.webhooks.add(webhook("wh_1", url="http://169.254.169.254/latest"))
    engine.append("Ev1")
    until(lambda: engine.ledger().dead == 1)
    assert engine.delivery(engine.ids()[0]).reason == "refused"


def test_retry_after_is_honoured(engine: Engine, receiver: Receiver) -> None:
    engine.webhooks.add(webhook("wh_1", url=receiver.url, retry_schedule_s=(0.01,)))
    receiver.answer = lambda got: Answer(429, headers=(("Retry-After", "120"),))
    engine.append("Ev1")
    (attempt,) = until(lambda: [fact for fact in engine.facts if isinstance(fact, Attempt)])
    assert attempt.again_in_s is not None
    assert attempt.again_in_s >= 120
    engine.append("Ev2")
    until(lambda: engine.ledger().events == 2)
    assert len(receiver.got) == 1


def test_a_new_webhook_gets_the_very_next_event(engine: Engine, receiver: Receiver) -> None:
    engine.append("Ev1")
    until(lambda: engine.ledger().events == 1)
    engine.webhooks.add(webhook("wh_1", url=receiver.url))
    engine.append("Ev2")
    receiver.wait_for(1)
    until(lambda: engine.settled(2))
    assert len(receiver.got) == 1


def test_two_thousand_events_reach_ten_webhooks_once_each(engine: Engine, receiver: Receiver) -> None:
    for number in range(10):
        engine.webhooks.add(webhook(f"wh_{number}", url=f"{receiver.url}{number}"))
    for start in range(0, 200, 50):
        engine.append(*(f"Ev{number}" for number in range(start, start + 50)))
    receiver.wait_for(2000, 30)
    until(lambda: engine.settled(200))
    assert len({got.headers["webhook-id"] for got in receiver.got}) == len(receiver.got) == 2000
