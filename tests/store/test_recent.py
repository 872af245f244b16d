"""What a process remembers of the events that it kept, and how it writes one down."""

import json

from hypothesis import given, strategies as st

from relay.core.envelope import Envelope, Media
from relay.core.ids import ConnectionId, EventId
from relay.store.events import write_head
from relay.store.recent import Recent
from relay.store.records import VERSION
from tests.store.filled import envelope

BODY = b"x" * 100


def names_of(recent: Recent, *names: str) -> list[str | None]:
    """Of each what is known by that name."""
    return [one.event_id if one else None for one in recent.those([EventId(name) for name in names])]


def test_the_newest_are_remembered_up_to_so_many_bytes() -> None:
    recent = Recent(limit_bytes=350)
    for names in (("Ev1", "Ev2"), ("Ev3",)):
        recent.add([envelope(name, body=BODY) for name in names])
    assert names_of(recent, "Ev1", "Ev3", "Ev9", "Ev3") == ["Ev1", "Ev3", None, "Ev3"]
    recent.add([envelope("Ev4", body=BODY)])
    assert names_of(recent, "Ev1", "Ev2", "Ev3", "Ev4") == [None, None, "Ev3", "Ev4"]
    recent.add([envelope("Ev5", body=BODY * 10)])
    assert names_of(recent, "Ev3", "Ev4", "Ev5") == [None, None, None]
    assert repr(recent) == "<Recent 0 envelopes, 0 bytes>"


def test_what_is_read_again_is_counted_as_often_and_forgotten_in_the_end() -> None:
    recent = Recent(limit_bytes=350)
    for name in ("Ev1", "Ev1", "Ev2", "Ev2", "Ev3", "Ev4", "Ev5"):
        recent.add([envelope(name, body=BODY)])
    assert names_of(recent, "Ev1", "Ev2") == [None, None]
    assert repr(recent) == "<Recent 3 envelopes, 300 bytes>"


@given(
    st.none() | st.text(min_size=1).map(ConnectionId),
    st.text(),
    st.text(),
    st.floats(0, 4e9),
    st.sampled_from(Media),
)
def test_a_head_says_all_but_the_body_and_begins_with_the_connection(
    connection: ConnectionId | None, kind: str, channel: str, at: float, media: Media
) -> None:
    written = Envelope(
        event_id=EventId("Ev1"),
        connection=connection,
        kind=kind,
        channel=channel,
        received_at=at,
        body=b"",
        media=media,
    )
    head = write_head(written)
    expected: dict[str, object] = {"n": connection} if connection else {}
    expected |= {"v": VERSION, "at": at, "k": kind}
    expected |= {"c": channel} if channel else {}
    expected |= {"form": True} if media is Media.FORM else {}
    assert head.isascii()
    assert list(json.loads(head).items()) == list(expected.items())
