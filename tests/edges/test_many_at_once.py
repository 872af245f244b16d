"""What is told or written for many at once, or by heart, is what would be told and written for each alone."""

import io
import json
from collections.abc import Mapping

import pytest
from hypothesis import given, strategies as st

from relay.cli.log import Report
from relay.core.delivery import Claim
from relay.core.envelope import Media
from relay.core.ids import DeliveryId, EventId, WebhookId
from relay.core.outcome import Answered, Failed, Failure, Outcome, Refused, Timing
from relay.core.tally import Tally
from relay.core.webhook import Format, Json, SigningSecret, Webhook
from relay.deliver.attempt import attempt_line, written_line
from relay.report import Attempt, Counting, Fact, Stopping, for_many

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
SECONDS = st.floats(0, 100, allow_nan=False)
TIMINGS = st.builds(
    Timing, dns_s=st.just(0.0) | SECONDS, connect_s=st.just(0.0) | SECONDS, first_byte_s=SECONDS, total_s=SECONDS
)
TEXTS = st.text(max_size=20) | st.just(SECRET)
OUTCOMES = st.one_of(
    st.builds(
        Answered,
        status=st.integers(100, 999),
        headers=st.lists(st.tuples(st.text(max_size=9), TEXTS), max_size=40).map(tuple),
        excerpt=st.binary(max_size=400) | TEXTS.map(str.encode) | st.just(b"x" * 5000),
        timing=TIMINGS,
    ),
    st.builds(Failed, failure=st.sampled_from(Failure), detail=TEXTS, timing=TIMINGS),
    st.builds(Refused, rule=TEXTS),
)
WEBHOOKS = st.builds(
    Webhook,
    id=st.just(WebhookId("wh_1")),
    url=st.sampled_from(["https://example.com/a?b=c", 'http://[::1]:8000/"é"']),
    events=st.just(("message",)),
    secrets=st.just((SigningSecret(secret=SECRET),)),
    headers=st.sampled_from([(), (("Authorization", "Bearer me"),)]),
    format=st.sampled_from(Format),
)


def claim_of(tries: int, losses: int) -> Claim:
    return Claim(
        sequence=1,
        id=DeliveryId("dlv_1"),
        webhook=WebhookId("wh_1"),
        event_id=EventId("Ev1"),
        tries=tries,
        losses=losses,
        fence=1,
        lease_s=15.0,
    )


@given(OUTCOMES, WEBHOOKS, st.sampled_from(Media), st.integers(0, 1), st.integers(0, 1), st.floats(1e9, 2e9))
def test_the_usual_attempt_is_written_as_any_other(
    outcome: Outcome, webhook: Webhook, media: Media, tries: int, losses: int, at: float
) -> None:
    claim = claim_of(tries, losses)

    usual = attempt_line(claim, webhook, outcome, media=media, at=at)

    assert read(usual) == read(written_line(claim, webhook, outcome, media=media, at=at))
    assert SECRET.encode() not in usual or isinstance(outcome, Failed | Refused)


def read(line: bytes) -> Mapping[str, Json]:
    known: Mapping[str, Json] = json.loads(line)
    return known


ATTEMPTS = st.builds(
    Attempt,
    delivery=st.just("dlv_1"),
    webhook=st.sampled_from(["wh_1", "wh_2"]),
    event=st.just("Ev1"),
    kind=st.sampled_from(["message", "é\u2028\x85"]),
    attempt=st.integers(1, 3),
    result=st.sampled_from(["200", "503", "timeout", "stopped"]),
    verdict=st.sampled_from(["delivered", "again", "dead", "gone"]),
    ms=st.integers(0, 40_000),
    latency_ms=st.none() | st.integers(0, 4_000_000),
    detail=st.sampled_from(["", 'no answer "in" time\n', "\ud83d"]),
)


@given(st.lists(ATTEMPTS, min_size=1, max_size=20))
def test_many_attempts_are_counted_as_one_by_one(attempts: list[Attempt]) -> None:
    one_by_one, together = Tally(), Tally()
    for attempt in attempts:
        Counting(lambda _: None, one_by_one)(attempt)
    heard: list[Fact] = []
    for_many(Counting(heard.append, together))(attempts)

    assert together.take() == one_by_one.take()
    assert heard == attempts


@pytest.mark.parametrize("as_json", [True, False])
@given(attempts=st.lists(ATTEMPTS, min_size=1, max_size=20))
def test_many_attempts_are_written_as_one_by_one(attempts: list[Attempt], as_json: bool) -> None:
    one_by_one, together = io.StringIO(), io.StringIO()
    for attempt in attempts:
        Report(one_by_one, as_json=as_json)(attempt)
    for_many(Report(together, as_json=as_json))(attempts)

    timeless = [
        [line.split(",", 1)[1] if as_json else line[8:] for line in lines(out)] for out in (one_by_one, together)
    ]
    assert timeless[0] == timeless[1]
    assert len(timeless[0]) == len(attempts)


def lines(out: io.StringIO) -> list[str]:
    return out.getvalue().split("\n")[:-1]


def test_a_reporter_that_knows_only_one_at_a_time_hears_each() -> None:
    heard: list[Fact] = []
    facts = [Stopping(what="relay", because=str(number)) for number in range(3)]
    for_many(heard.append)(facts)

    assert heard == facts
