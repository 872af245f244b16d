"""Straight through: kept, fanned out and borrowed in one round trip, where nothing waits in the journal before it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec import structs

from relay.core.ids import ConnectionId, WebhookId
from relay.core.ledger import Ledger
from relay.core.matching import Match
from relay.fanout import FanOut
from relay.store.deliveries import Claimed
from relay.store.directory import Directory
from relay.store.journal import Passed, Stretch
from tests.store.audit import audit
from tests.store.filled import Filled, envelope, webhook

ONE = Match(webhook=WebhookId("wh_1"))


@pytest.fixture(autouse=True)
def _somebody_wants_all(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))


def pass_on(
    filled: Filled, *names: str, limit: int = 10, version: int | None = None, cursor: str | None = None
) -> Passed:
    envelopes = [envelope(name) for name in names]
    stretch = Stretch(
        cursor=filled.journal.cursor() if cursor is None else cursor,
        following="",
        matched=[(one.event_id, [ONE]) for one in envelopes],
        begun=len(envelopes),
    )
    known = filled.webhooks.changes.version() if version is None else version
    return filled.journal.pass_on(envelopes, stretch, version=known, room=limit)


def lent(passed: Passed) -> list[str]:
    return [claim.event_id for claim in passed.claimed.claims]


def test_an_event_is_kept_fanned_out_and_lent_at_once(filled: Filled) -> None:
    passed = pass_on(filled, "Ev1", "Ev2")
    assert (passed.are_new, passed.word, lent(passed)) == ([True, True], "done", ["Ev1", "Ev2"])
    assert passed.cursor == filled.journal.cursor() == filled.journal.newest("+", 1)[0].position
    assert filled.deliveries.ledger() == Ledger(received=2, outstanding=2, events=2)
    assert audit(filled.client.redis) == []


def test_one_passes_on_behind_the_other(filled: Filled) -> None:
    first = pass_on(filled, "Ev1")
    assert pass_on(filled, "Ev2", cursor=first.cursor).word == "done"


def test_what_waits_in_the_journal_is_not_overtaken(filled: Filled) -> None:
    filled.append("Ev1")
    passed = pass_on(filled, "Ev2")
    assert (passed.are_new, passed.word, lent(passed)) == ([True], "crowded", [])
    assert filled.fan_out(ONE) == "done"
    assert [claim.event_id for claim in filled.claim()] == ["Ev1", "Ev2"]
    assert audit(filled.client.redis) == []


def test_a_copy_changes_nothing(filled: Filled) -> None:
    pass_on(filled, "Ev1")
    again = pass_on(filled, "Ev1")
    assert (again.are_new, again.word, lent(again)) == ([False], "crowded", [])
    half_new = pass_on(filled, "Ev1", "Ev2")
    assert (half_new.are_new, half_new.word) == ([False, True], "crowded")
    assert filled.deliveries.ledger().events == 1


def test_an_echo_among_new_events_is_crowded(filled: Filled) -> None:
    filled.journal.append([structs.replace(envelope("Ev2"), connection=ConnectionId("con_2"))])
    filled.fan_out()
    passed = pass_on(filled, "Ev1", "Ev2", "Ev3")
    assert (passed.are_new, passed.word, lent(passed)) == ([True, False, True], "crowded", [])
    assert [entry.name for entry in filled.journal.oldest("-", "+", 9)] == ["Ev2", "Ev1", "+Ev2", "Ev3"]
    assert audit(filled.client.redis) == []


@pytest.mark.parametrize(("cursor", "version", "word"), [("1-1", None, "behind"), (None, 0, "stale")])
def test_who_does_not_know_enough_only_appends(
    filled: Filled, cursor: str | None, version: int | None, word: str
) -> None:
    passed = pass_on(filled, "Ev1", cursor=cursor, version=version)
    assert (passed.are_new, passed.word, passed.cursor) == ([True], word, "")
    assert filled.deliveries.ledger().events == 0


def test_who_has_no_room_leaves_it_to_others_and_wakes_them(filled: Filled) -> None:
    assert lent(pass_on(filled, "Ev1", limit=0)) == []
    filled.deliveries.wait(5.0)  # the bell has rung
    assert [claim.event_id for claim in filled.claim()] == ["Ev1"]


def bell_rings(filled: Filled) -> bool:
    return filled.client.redis.lpop("relay:{0}:bell") is not None


def test_who_may_have_to_wait_for_a_rate_limit_wakes_somebody_who_does(filled: Filled) -> None:
    stands = filled.webhooks.get(ONE.webhook)
    assert stands is not None
    filled.webhooks.change(replace(stands, rate_limit=1.0))
    bell_rings(filled)
    assert lent(pass_on(filled, "Ev1")) == ["Ev1"]
    assert not bell_rings(filled)
    assert lent(pass_on(filled, "Ev2")) == []
    assert bell_rings(filled)


def test_a_redis_that_knows_only_some_of_the_scripts_does_it_all_in_turn(filled: Filled) -> None:
    """Redis was restarted, and knows no script but the one that somebody has used since."""
    bell_rings(filled)
    filled.client.redis.script_flush()
    assert filled.claim() == []
    assert lent(pass_on(filled, "Ev1")) == ["Ev1"]
    assert not bell_rings(filled)


def test_who_ends_before_its_claim_is_done_leaves_nothing_undone(filled: Filled) -> None:
    """What is cut off behind the fan-out is found by whoever claims next, bell or no bell."""
    pass_on(filled, "Ev1", limit=0)
    filled.client.redis.delete("relay:{0}:bell")
    assert [claim.event_id for claim in filled.claim()] == ["Ev1"]


class Hearing:
    """An inbox' side of fan-out: `heard` is what was borrowed at once."""

    def __init__(self, filled: Filled) -> None:
        self.filled = filled
        self.heard: list[str] = []
        self.fan_out = FanOut(
            filled.journal,
            Directory(filled.webhooks),
            lambda _: None,
            borrow=self._borrow,
        )

    def append(self, *names: str) -> list[bool]:
        return self.fan_out.append([envelope(name) for name in names])

    def turn_until(self, events: int) -> None:
        while self.filled.deliveries.ledger().events < events:
            self.fan_out.turn()

    def _borrow(self, ask: Callable[[int], Claimed]) -> None:
        self.heard += [claim.event_id for claim in ask(10).claims]


def test_events_pass_once_the_journal_is_known_to_be_empty_behind_the_cursor(filled: Filled) -> None:
    hearing = Hearing(filled)
    assert hearing.append("Ev1") == [True]
    assert hearing.heard == []
    hearing.turn_until(1)
    assert hearing.append("Ev2", "Ev3") == [True, True]
    assert hearing.append("Ev3", "Ev4") == [False, True]
    hearing.turn_until(4)
    assert hearing.append("Ev5") == [True]
    assert sorted([*hearing.heard, *(claim.event_id for claim in filled.claim())]) == [f"Ev{n}" for n in range(1, 6)]
    assert {"Ev2", "Ev3", "Ev5"} <= set(hearing.heard)
    assert audit(filled.client.redis) == []


def test_what_another_keeps_right_behind_what_was_passed_on_is_found(filled: Filled) -> None:
    """Also by one who has looked for nothing since, because it passed on all there was."""
    hearing = Hearing(filled)
    hearing.append("Ev1")
    hearing.turn_until(1)
    hearing.append("Ev2")
    filled.journal.append([envelope("Ev3")])
    hearing.turn_until(3)
    hearing.append("Ev4")
    filled.journal.append([envelope("Ev5")])
    hearing.append("Ev6")
    hearing.turn_until(6)
    assert filled.deliveries.ledger().closes
    assert audit(filled.client.redis) == []


def test_of_two_who_hear_the_same_each_event_is_fanned_out_once(filled: Filled) -> None:
    one, other = Hearing(filled), Hearing(filled)
    for number in range(20):
        for hearing in (one, other) if number % 3 else (other, one):
            hearing.append(f"Ev{number}")
            if number % 4 == 0:
                hearing.turn_until(number + 1)
    one.turn_until(20)
    assert filled.deliveries.ledger().events == filled.deliveries.ledger().outstanding == 20
    assert len(one.heard + other.heard) == len({*one.heard, *other.heard})
    assert audit(filled.client.redis) == []


def test_too_many_deliveries_for_one_step_go_the_long_way(filled: Filled) -> None:
    for number in range(2, 300):
        filled.webhooks.add(webhook(f"wh_{number}"))
    hearing = Hearing(filled)
    hearing.append("Ev1")
    hearing.turn_until(1)
    hearing.append("Ev2", "Ev3")
    assert hearing.heard == []
    hearing.turn_until(3)
    assert filled.deliveries.ledger().outstanding == 3 * 299


def test_webhooks_that_changed_meanwhile_are_heard_of(filled: Filled) -> None:
    hearing = Hearing(filled)
    hearing.append("Ev1")
    hearing.turn_until(1)
    filled.webhooks.add(webhook("wh_2"))
    hearing.append("Ev2")
    hearing.turn_until(2)
    assert filled.deliveries.ledger(WebhookId("wh_2")).outstanding == 1
    assert filled.deliveries.ledger().closes
