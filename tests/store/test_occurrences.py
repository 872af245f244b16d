"""Events without a time of their own: copies are one occurrence, repetitions are others."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from relay.core.sighting import Sighting
from relay.store.client import Client, StoreOptions
from relay.store.occurrences import Occurrences

START = time.monotonic()


@pytest.fixture
def occurrences(redis_url: str) -> Iterator[Occurrences]:
    client = Client(StoreOptions(url=redis_url))
    yield Occurrences(client)
    client.close()


def seen(socket: str, number: int, at: float, *, proven: float | None = None, what: str = "typing") -> Sighting:
    """`proven`: when the last answered ping was sent; at first, when the socket was asked for."""
    earliest = START + (at if proven is None else proven)
    return Sighting(fingerprint=what, socket=socket, number=number, earliest=earliest, latest=START + at)


def test_copies_on_two_sockets_are_one_and_have_the_time_of_the_first(occurrences: Occurrences) -> None:
    epoch = time.time() - time.monotonic()
    [first] = occurrences.stamp([seen("a", 1, 10.0)])
    [second] = occurrences.stamp([seen("b", 1, 10.2, proven=9.0)])
    assert first == second
    assert float(first) == pytest.approx(epoch + START + 10.0, abs=0.1)


def test_repetitions_on_one_socket_are_each_their_own(occurrences: Occurrences) -> None:
    stamps = occurrences.stamp([seen("a", number, 10.0) for number in range(1, 6)])
    assert len(set(stamps)) == 5
    assert stamps == sorted(stamps)


def test_repetitions_pair_up_one_to_one_however_late_the_other_socket_is(occurrences: Occurrences) -> None:
    first = occurrences.stamp([seen("a", number, number * 3.0, proven=number * 3.0 - 1) for number in range(1, 21)])
    late = occurrences.stamp([seen("b", number, 3000.0, proven=0.0) for number in range(1, 21)])
    assert first == late


def test_other_content_is_another_event(occurrences: Occurrences) -> None:
    stamps = occurrences.stamp([seen("a", 1, 10.0), seen("a", 2, 10.0, what="presence")])
    assert stamps[0] == stamps[1]  # they may share their time: they differ otherwise
    assert occurrences.stamp([seen("b", 1, 10.0, what="presence")]) == stamps[1:]


def test_a_socket_that_opens_later_does_not_take_older_ones_for_its_own(occurrences: Occurrences) -> None:
    [old] = occurrences.stamp([seen("a", 1, 10.0)])
    [new] = occurrences.stamp([seen("b", 1, 20.0, proven=19.0)])
    assert new != old
    assert occurrences.stamp([seen("a", 2, 20.1, proven=17.0)]) == [new]


def test_a_sighting_that_is_asked_about_again_is_given_the_same(occurrences: Occurrences) -> None:
    batch = [seen("a", number, number * 1.0) for number in range(1, 6)]
    first = occurrences.stamp(batch)
    assert occurrences.stamp(batch) == first
    assert occurrences.stamp([*batch[3:], seen("a", 6, 6.0)])[:2] == first[3:]
    copies = [replace(sighting, socket="b") for sighting in batch]
    assert occurrences.stamp(copies) == first
    assert occurrences.stamp(copies) == first


def test_an_hour_of_typing_is_remembered(occurrences: Occurrences) -> None:
    first: list[str] = []
    copies: list[str] = []
    for start in range(1, 1201, 100):
        first += occurrences.stamp([seen("a", number, number * 3.0) for number in range(start, start + 100)])
    for start in range(1, 1201, 100):
        copies += occurrences.stamp([seen("b", number, 3600.0, proven=0.0) for number in range(start, start + 100)])
    assert copies == first


def test_what_was_seen_by_one_that_died_is_recognised_by_the_other(occurrences: Occurrences) -> None:
    """A worker may ask for a time and be killed before it appends: the other's copy gets the same, and appends."""
    [taken] = occurrences.stamp([seen("a", 1, 10.0)])
    assert occurrences.stamp([seen("b", 1, 12.0, proven=5.0)]) == [taken]


WORLDS = count()
"""Redis stays what it is between two examples: each has a world of its own."""

SOCKETS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 40), st.floats(0, 30)),  # opens before event, closes after, is late by
    min_size=1,
    max_size=4,
)


@settings(max_examples=60)
@given(st.lists(st.floats(0.001, 8.0), min_size=1, max_size=40), SOCKETS)
def test_in_any_world_no_occurrence_is_told_twice_and_none_is_missed_by_an_overlap(
    occurrences: Occurrences, gaps: list[float], sockets: list[tuple[int, int, float]]
) -> None:
    """Slack repeats one event at times of its own; sockets open and close among them and read as late as they like."""
    world = next(WORLDS)
    times = [sum(gaps[: place + 1]) for place in range(len(gaps))]
    reads: list[tuple[float, int, int, Sighting]] = []
    seen_by: Counter[int] = Counter()
    for socket, (opens, closes, late_s) in enumerate(sockets):
        asked_at = times[opens - 1] + 1e-4 if 0 < opens <= len(times) else 0.0
        for number, event in enumerate(range(opens, min(closes, len(times))), 1):
            at = times[event] + late_s
            sighting = seen(f"{world}-{socket}", number, at, proven=asked_at, what=f"typing in {world}")
            reads.append((at, socket, event, sighting))
            seen_by[event] += 1
    stamps: dict[int, str] = {}
    told: Counter[str] = Counter()
    for _, _, event, sighting in sorted(reads, key=lambda read: read[:3]):
        [stamp] = occurrences.stamp([sighting])
        told[stamp] += 1
        stamps.setdefault(event, stamp)
    assert len(told) <= len(seen_by)  # nothing twice
    busiest = Counter(socket for _, socket, _, _ in reads)
    assert len(told) >= max(busiest.values(), default=0)  # what one socket heard is all told
    if len(set(sockets)) == 1:
        assert len(told) == len(seen_by)


def test_two_steady_sockets_pair_exactly_whatever_the_delays(occurrences: Occurrences) -> None:
    dice = random.Random(7)
    sightings = []
    for socket in "ab":
        at = 0.0
        for number in range(1, 301):
            at = max(at, number * 0.2 + dice.random() * 2)
            sightings.append((at, seen(socket, number, at, proven=max(0.0, at - 6))))
    stamps = [occurrences.stamp([sighting])[0] for _, sighting in sorted(sightings, key=lambda each: each[0])]
    assert len(set(stamps)) == 300
    assert set(Counter(stamps).values()) == {2}
