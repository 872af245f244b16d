"""The buffer between the sockets and the journal: bounded to the event, in order, and emptied from the front."""

from hypothesis import given, strategies as st

from relay.core.envelope import Envelope
from relay.core.ids import EventId
from relay.slack.buffer import Arrival, Buffer, events_of


def envelope(number: int, size_bytes: int = 10) -> Envelope:
    return Envelope(
        event_id=EventId(f"Ev{number}"),
        connection=None,
        kind="message",
        channel="C1",
        received_at=1.0,
        body=b"x" * size_bytes,
    )


def arrival(*envelopes: Envelope) -> Arrival:
    return Arrival(source="con_1", envelopes=envelopes, size_bytes=sum(len(one.body) for one in envelopes))


def held(buffer: Buffer) -> list[EventId]:
    everything = buffer.first(most_events=10**9, most_bytes=10**9)
    return [one.event_id for each in everything if isinstance(each, Arrival) for one in each.envelopes]


def test_of_those_that_came_together_as_many_stay_as_there_is_room_for() -> None:
    buffer = Buffer(limit_events=3, limit_bytes=1000)
    assert buffer.put(arrival(envelope(1), envelope(2))) == 0
    assert buffer.put(arrival(envelope(3), envelope(4), envelope(5))) == 2
    assert held(buffer) == ["Ev1", "Ev2", "Ev3"]
    assert repr(buffer) == "<Buffer waiting=3 bytes=30>"


def test_a_large_one_does_not_keep_the_small_ones_out() -> None:
    buffer = Buffer(limit_events=100, limit_bytes=100)
    assert buffer.put(arrival(envelope(1), envelope(2, 500), envelope(3))) == 1
    assert held(buffer) == ["Ev1", "Ev3"]


def test_the_first_of_all_goes_out_whatever_its_size() -> None:
    buffer = Buffer(limit_events=100, limit_bytes=1000)
    buffer.put(arrival(envelope(1, 500), envelope(2)))
    buffer.put(arrival(envelope(3)))
    batch = buffer.first(most_events=1, most_bytes=1)
    assert [events_of(each) for each in batch] == [2]
    buffer.drop(batch)
    assert held(buffer) == ["Ev3"]


@given(st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=5), max_size=12), st.integers(1, 20))
def test_nothing_is_lost_untold_and_the_bounds_hold(sizes: list[list[int]], most_events: int) -> None:
    buffer = Buffer(limit_events=most_events, limit_bytes=200)
    lost = taken = came = 0
    for together in sizes:
        came += len(together)
        lost += buffer.put(arrival(*(envelope(number, size) for number, size in enumerate(together))))
        assert buffer.events == len(held(buffer)) <= most_events
        if len(together) == 3:
            batch = buffer.first(most_events=4, most_bytes=100)
            taken += sum(map(events_of, batch))
            buffer.drop(batch)
    assert came == lost + taken + buffer.events
