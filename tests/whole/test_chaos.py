"""Chaos in short: what `make chaos` does for ten minutes. And the checker: it must see what it is there to see."""

from pathlib import Path

import pytest

from tests.chaos.cast import CAST
from tests.chaos.checker import Evidence, Row, check
from tests.chaos.run import Plan, attacked


@pytest.mark.timeout(120)
def test_under_attack_nothing_is_missing_and_every_repetition_is_explained(tmp_path: Path) -> None:
    outcome = attacked(Plan(seconds=18, kill_every_s=4, redis_every_s=6, settles_within_s=60), tmp_path)
    assert outcome.verdict.findings == []
    assert outcome.audit == []
    assert outcome.ledger.closes
    assert outcome.verdict.counts["missing at healthy endpoints"] == 0
    assert outcome.verdict.counts["workers killed"] >= 3
    assert outcome.verdict.counts["Redis stopped"] >= 1


def taken(event: int, *, endpoint: str = "plain", at: float | None = None, **changes: str | float | bool) -> Row:
    at = 10.0 + event if at is None else at
    row: Row = {
        "endpoint": endpoint,
        "event": f"Ev{event}",
        "delivery": f"dlv_{endpoint}{event}",
        "retry": 0,
        "began": at,
        "ended": at + 0.01,
        "status": 200,
        "signed": True,
    }
    return row | changes


def evidence(*history: Row, events: int = 3, endpoint: str = "plain") -> Evidence:
    cast = [role.written() for role in CAST if role.name == endpoint]
    appended: list[Row] = [{"event": f"Ev{number}", "channel": "C1", "at": 0.0} for number in range(events)]
    faults: list[Row] = [{"what": "worker killed", "began": 100.0, "ended": 100.1}]
    return Evidence(cast, appended, list(history), faults)


ALL = (taken(0), taken(1), taken(2))


def test_the_checker_is_content_with_what_is_right() -> None:
    assert check(evidence(*ALL)).good


@pytest.mark.parametrize(
    ("history", "finding"),
    [
        ((taken(0), taken(1)), "never took 1 events"),
        ((taken(0), taken(1), taken(2, status=500)), "never took 1 events"),
        ((*ALL, taken(9)), "did not want"),
        ((*ALL, taken(1, at=50.0)), "without a fault"),
        ((*ALL, taken(1, at=50.0, delivery="dlv_other")), "several ids"),
        ((taken(0), taken(1), taken(2, signed=False)), "not signed"),
    ],
)
def test_the_checker_sees_what_is_wrong(history: tuple[Row, ...], finding: str) -> None:
    assert any(finding in found for found in check(evidence(*history)).findings)


def test_a_repetition_is_explained_by_a_fault_between_the_yes_and_its_being_written_down() -> None:
    verdict = check(evidence(taken(0), taken(1), taken(2, at=99.5), taken(2, at=106.0)))
    assert verdict.good
    assert verdict.counts["taken twice, explained"] == 1
    assert [(blow.open, blow.answered, blow.repeated) for blow in verdict.blows] == [(0, 1, 1)]


def test_the_checker_sees_what_overtakes() -> None:
    history = [taken(number, endpoint="by_channel", at=at) for number, at in ((0, 1.0), (2, 2.0), (1, 3.0))]
    verdict = check(evidence(*history, endpoint="by_channel"))
    assert any("out of order" in finding for finding in verdict.findings)
