"""Fan-out of wide events: cut into steps that are short, and still nothing twice and nothing missing."""

from collections.abc import Sequence
from contextlib import closing

import pytest

from relay.core.ids import EventId, WebhookId
from relay.core.ledger import Ledger
from relay.core.matching import Match
from relay.fanout import FanOut, stretches
from relay.report import Fact
from relay.store.client import Client, StoreOptions
from relay.store.directory import Directory
from relay.store.journal import Entry, Stretch
from relay.store.keys import Keys
from tests.store.audit import audit
from tests.store.filled import Filled, webhook


def entry(number: int) -> Entry:
    return Entry(position=f"{number}-0", event_id=EventId(f"Ev{number}"), kind="message", channel="C1", connection=None)


def matches(count: int) -> list[Match]:
    return [Match(webhook=WebhookId(f"wh_{number:03}")) for number in range(count)]


def shape(stretch: Stretch) -> tuple[str, list[tuple[str, int]], int]:
    return stretch.following, [(event, len(matches)) for event, matches in stretch.matched], stretch.begun


@pytest.mark.parametrize(
    ("cursor", "widths", "cut"),
    [
        ("0-0", [], []),
        ("0-0", [0, 0], [("2-0", [("Ev1", 0), ("Ev2", 0)], 2)]),
        ("0-0", [4, 6, 1], [("2-0", [("Ev1", 4), ("Ev2", 6)], 2), ("3-0", [("Ev3", 1)], 1)]),
        ("0-0", [4, 7], [("1-0", [("Ev1", 4)], 1), ("2-0", [("Ev2", 7)], 1)]),
        (
            "0-0",
            [1, 23],
            [
                ("1-0", [("Ev1", 1)], 1),
                ("1-0|wh_009", [("Ev2", 10)], 1),
                ("1-0|wh_019", [("Ev2", 10)], 0),
                ("2-0", [("Ev2", 3)], 0),
            ],
        ),
        ("0-0|wh_004", [8, 2], [("2-0", [("Ev1", 3), ("Ev2", 2)], 1)]),
        ("0-0|wh_999", [8, 0], [("2-0", [("Ev1", 0), ("Ev2", 0)], 1)]),
    ],
    ids=[
        "nothing",
        "none match",
        "whole events",
        "none is cut that fits",
        "too wide",
        "the rest of one",
        "no rest of one",
    ],
)
def test_a_journal_is_cut_into_stretches(
    cursor: str, widths: Sequence[int], cut: list[tuple[str, list[tuple[str, int]], int]]
) -> None:
    entries = [entry(number) for number in range(1, len(widths) + 1)]
    wanted = {each.event_id: matches(width) for each, width in zip(entries, widths, strict=True)}
    made = list(stretches(cursor, entries, lambda each: wanted[each.event_id], most=10))
    assert [shape(stretch) for stretch in made] == cut
    assert [stretch.cursor for stretch in made] == [cursor, *(stretch.following for stretch in made[:-1])][: len(made)]


def test_an_event_for_very_many_becomes_a_delivery_for_each_of_them(filled: Filled) -> None:
    for number in range(1200):
        filled.webhooks.add(webhook(f"wh_{number:04}"))
    filled.append("Ev1", "Ev2")
    facts: list[Fact] = []
    fan_out = FanOut(filled.journal, Directory(filled.webhooks), facts.append)
    while filled.deliveries.ledger().outstanding < 2400:
        fan_out.turn()
        assert filled.deliveries.ledger().closes
    assert filled.deliveries.ledger() == Ledger(received=2400, outstanding=2400, events=2)
    assert filled.deliveries.ledger(WebhookId("wh_0700")) == Ledger(received=2, outstanding=2)
    (stored,) = filled.journal.events.stored([EventId("Ev1")])
    assert stored is not None
    named = [*stored.deliveries, *filled.journal.events.later_deliveries(EventId("Ev1"))]
    found = [delivery for delivery in filled.deliveries.get(named) if delivery]
    assert len({delivery.webhook for delivery in found}) == len(found) == 1200
    assert audit(filled.client.redis) == []


def test_the_rest_of_a_cut_event_goes_to_those_who_are_there_then(filled: Filled) -> None:
    made = [filled.webhooks.add(webhook(f"wh_{number:04}")) for number in range(4)]
    filled.append("Ev1")
    cursor = filled.journal.cursor()
    entries = filled.journal.oldest(f"({cursor}", "+", 10)
    first = next(stretches(cursor, entries, lambda _: [Match(webhook=each.id) for each in made], most=2))
    assert filled.journal.fan_out(first, version=made[-1].version) == "done"
    assert filled.deliveries.ledger().closes
    filled.webhooks.remove(made[2].id)
    fan_out = FanOut(filled.journal, Directory(filled.webhooks), lambda _: None)
    fan_out.turn()  # stale
    fan_out.turn()
    assert [len(filled.ids(each.id)) for each in made] == [1, 1, 0, 1]
    assert filled.deliveries.ledger(made[3].id) == Ledger(received=1, outstanding=1)


def test_no_number_is_given_twice_though_a_failover_lost_the_last_and_the_new_clock_is_behind(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    ahead = 4_000_000_000_000_000  # µs, in the year 2096
    filled.client.redis.set(Keys(0)("sequence"), ahead)
    filled.deliver("Ev1")
    filled.client.redis.delete(Keys(0)("sequence"))
    filled.deliver("Ev2")
    assert [claim.sequence for claim in filled.claim()] == [ahead + 1, ahead + 2]


def test_a_journal_is_cut_behind_what_was_fanned_out_however_old_it_is(redis_url: str) -> None:
    with closing(Client(StoreOptions(url=redis_url, retention_s=0.001))) as client:
        filled = Filled(client)
        filled.append(*(f"Ev{number}" for number in range(500)))
        filled.journal.tend()
        assert client.redis.xlen(Keys(0)("journal")) == 500
        filled.fan_out()
        filled.journal.tend()
        assert client.redis.xlen(Keys(0)("journal")) < 500
