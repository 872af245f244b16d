"""What comes after a try: the contract's table of answers, the schedule, and what an endpoint may ask for."""

from email.utils import formatdate

import pytest
from hypothesis import given, strategies as st

from relay.core.delivery import Reason
from relay.core.outcome import Answered, Failed, Failure, Outcome, Refused
from relay.core.retry import (
    DISABLE_S,
    JITTER,
    RETRY_AFTER_CAP_S,
    WARN_S,
    Again,
    Dead,
    Delivered,
    Disabled,
    Gone,
    Verdict,
    Warned,
    judge,
    judge_webhook,
    retry_after,
    retry_reason,
)
from relay.core.webhook import RETRY_SCHEDULE_S

NOW = 1_700_000_000.0
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


def answered(status: int, excerpt: bytes = b"", **headers: str) -> Answered:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answered(status=status, headers=pairs, excerpt=excerpt)


def verdict(outcome: Outcome, tries: int = 0, dice: float = 0.0) -> Verdict:
    return judge(outcome, tries, RETRY_SCHEDULE_S, now=NOW, dice=dice)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (answered(200), Delivered()),
        (answered(204), Delivered()),
        (answered(299), Delivered()),
        (answered(404, b'{"error":"unhandled request"}'), Delivered(reason=Reason.UNHANDLED)),
        (answered(404, b'{"error":"no handler found"}'), Delivered(reason=Reason.UNHANDLED)),
        (answered(404, b"Not Found"), Again(wait_s=5)),
        (answered(410), Gone()),
        (Failed(failure=Failure.STOPPED, detail=""), Again(wait_s=0, is_a_try=False)),
        (answered(410, retry_after="5", x_slack_no_retry="1"), Gone()),
        (answered(199), Again(wait_s=5)),
        (answered(300), Again(wait_s=5)),
        (answered(301, location="https://elsewhere.example/"), Again(wait_s=5)),
        (answered(400), Again(wait_s=5)),
        (answered(500), Again(wait_s=5)),
        (answered(500, x_slack_no_retry="1"), Dead(reason=Reason.NO_RETRY)),
        (answered(500, x_slack_no_retry="0"), Again(wait_s=5)),
        (answered(200, x_slack_no_retry="1"), Delivered()),
        (answered(429), Again(wait_s=5, pause_s=5)),
        (answered(502), Again(wait_s=5, pause_s=5)),
        (answered(503), Again(wait_s=5, pause_s=5)),
        (answered(504), Again(wait_s=5, pause_s=5)),
        (answered(429, retry_after="120"), Again(wait_s=120, pause_s=120)),
        (answered(503, retry_after="7200"), Again(wait_s=3600, pause_s=3600)),
        (answered(503, retry_after=formatdate(NOW + 60, usegmt=True)), Again(wait_s=60, pause_s=60)),
        (answered(503, retry_after="soon"), Again(wait_s=5, pause_s=5)),
        (answered(429, x_slack_no_retry="1", retry_after="9"), Dead(reason=Reason.NO_RETRY, pause_s=9)),
        *((Failed(failure=each, detail=""), Again(wait_s=5)) for each in Failure if each is not Failure.STOPPED),
        (Refused(rule="it is not public"), Dead(reason=Reason.REFUSED, blames=False)),
    ],
    ids=lambda value: str(value)[:60],
)
def test_an_outcome_decides(outcome: Outcome, expected: Verdict) -> None:
    assert verdict(outcome) == expected


def test_the_schedule_is_standard_webhooks_own_and_ten_tries_are_made() -> None:
    waits = [verdict(answered(500), tries) for tries in range(10)]
    assert waits[:9] == [
        Again(wait_s=wait_s)
        for wait_s in (5, 300, 30 * 60, 2 * HOUR_S, 5 * HOUR_S, 10 * HOUR_S, 14 * HOUR_S, 20 * HOUR_S, 24 * HOUR_S)
    ]
    assert waits[9] == Dead(reason=Reason.EXHAUSTED)


@given(tries=st.integers(0, 8), dice=st.floats(0, 1))
def test_jitter_makes_a_wait_longer_and_never_shorter(tries: int, dice: float) -> None:
    again = verdict(answered(500), tries, dice)
    assert isinstance(again, Again)
    assert RETRY_SCHEDULE_S[tries] <= again.wait_s <= RETRY_SCHEDULE_S[tries] * (1 + JITTER)


@given(st.lists(st.floats(0, 1e6), max_size=12), st.integers(0, 20), st.integers(100, 599))
def test_a_webhook_s_own_schedule_decides_how_often(schedule: list[float], tries: int, status: int) -> None:
    judged = judge(answered(status), tries, schedule, now=NOW, dice=0)
    if isinstance(judged, Dead):
        assert tries >= len(schedule)
    if isinstance(judged, Again):
        assert tries < len(schedule)


@pytest.mark.parametrize(
    ("value", "asked_s"),
    [
        (None, None),
        ("", None),
        ("0", 0),
        (" 17 ", 17),
        ("-1", None),
        ("1.5", None),
        ("९", None),
        ("9" * 400, RETRY_AFTER_CAP_S),
        (formatdate(NOW + 90, usegmt=True), 90),
        (formatdate(NOW - 90, usegmt=True), 0),
        (formatdate(NOW + 9e6, usegmt=True), RETRY_AFTER_CAP_S),
        ("Tue, 14 Nov 2023 22:13:50", 30),  # without a zone: RFC 9110 means UTC
        ("Tuesday, 14-Nov-23 22:13:50 GMT", 30),
        ("Mon, 99 Foo 2023 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_at_most_an_hour(value: str | None, asked_s: float | None) -> None:
    assert retry_after(value, NOW) == asked_s


@given(st.text() | st.from_regex(r"\w{3}, \d{1,3} \w{3} \d{1,5} \d{1,3}:\d{2}:\d{2} [+-]?\w{0,6}", fullmatch=True))
def test_no_retry_after_can_hurt(value: str) -> None:
    asked_s = retry_after(value, NOW)
    assert asked_s is None or 0 <= asked_s <= RETRY_AFTER_CAP_S


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (answered(500), "http_error"),
        (answered(302), "too_many_redirects"),
        (Failed(failure=Failure.TIMEOUT, detail=""), "http_timeout"),
        (Failed(failure=Failure.TLS, detail=""), "ssl_error"),
        (Failed(failure=Failure.DNS, detail=""), "connection_failed"),
        (Failed(failure=Failure.CONNECT, detail=""), "connection_failed"),
        (Failed(failure=Failure.RESET, detail=""), "connection_failed"),
        (Failed(failure=Failure.TOO_LARGE, detail=""), "http_error"),
        (None, "unknown_error"),
    ],
)
def test_slack_s_word_says_why(outcome: Outcome | None, word: str) -> None:
    assert retry_reason(outcome) == word


@pytest.mark.parametrize(
    ("failing_s", "deliveries", "warned", "expected"),
    [
        (0, 1, 0, None),
        (WARN_S[0] - 1, 1000, 0, None),
        (WARN_S[0], 1, 0, Warned(level=1, failing_s=WARN_S[0])),
        (WARN_S[0] + 1, 1, 1, None),
        (WARN_S[1], 1, 1, Warned(level=2, failing_s=WARN_S[1])),
        (WARN_S[2], 1, 0, Warned(level=3, failing_s=WARN_S[2])),
        (DISABLE_S, 99, 3, None),
        (DISABLE_S, 100, 3, Disabled(failing_s=DISABLE_S)),
        (DISABLE_S - 1, 100_000, 3, None),
    ],
)
def test_a_webhook_that_only_fails_is_warned_three_times_and_then_disabled(
    failing_s: float, deliveries: int, warned: int, expected: Warned | Disabled | None
) -> None:
    assert judge_webhook(since=NOW, deliveries=deliveries, warned=warned, now=NOW + failing_s) == expected
