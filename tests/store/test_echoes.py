"""Two connections of one workspace hear the same event: it is kept once, and each of its webhooks gets it once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from time import time

import pytest
from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from relay.core.ids import ConnectionId, EventId, ReplayId, WebhookId
from relay.core.ledger import Ledger
from relay.core.replay import Replay, Wanted
from relay.deliver.replay import Replayer, ReplayRooms
from relay.fanout import FanOut
from relay.report import EventsMatched, Fact
from relay.store.client import Client, StoreOptions
from relay.store.directory import Directory
from relay.store.feed import Feed
from relay.store.replays import Replays
from relay.store.shards import Shards
from tests.servers import RedisServer
from tests.store.audit import audit
from tests.store.filled import Filled, envelope, webhook
from tests.store.test_cuts import cut_again_and_again, names

A, B, C = (ConnectionId(f"con_{letter}") for letter in "abc")
WEBHOOKS = {"all": (), "a": (A,), "b": (B,), "ab": (A, B), "bc": (B, C)}
EVENT = "relay:{0}:event:Ev1"


class Heard(Filled):
    """A store with a webhook for each choice of connections; they are called by the connections' letters."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.facts: list[Fact] = []
        for name, connections in WEBHOOKS.items():
            self.webhooks.add(webhook(f"wh_{name}", connections=connections))
        self.events = FanOut(self.journal, Directory(self.webhooks), self.facts.append)

    def hear(self, by: ConnectionId, *names: str) -> list[bool]:
        return self.journal.append([replace(envelope(name), connection=by) for name in names])

    def fan_out_all(self) -> None:
        while self.journal.cursor() != self.journal.newest("+", 1)[0].position:
            self.events.turn()

    def got(self) -> dict[str, list[str]]:
        """Webhook → the events of its deliveries, in the order of their birth."""
        return {name: [self.delivery(id).event_id for id in self.ids(f"wh_{name}")] for name in WEBHOOKS}

    def entries(self) -> list[tuple[str, str | None, bool]]:
        return [(each.event_id, each.connection, each.echo) for each in self.journal.oldest("-", "+", 1000)]


@pytest.fixture
def heard(redis_url: str) -> Iterator[Heard]:
    client = Client(StoreOptions(url=redis_url))
    yield Heard(client)
    client.close()


def got_by(*connections: ConnectionId) -> dict[str, list[str]]:
    """What each has of one event that came by these."""
    return {name: ["Ev1"] if not own or set(own) & set(connections) else [] for name, own in WEBHOOKS.items()}


@pytest.mark.parametrize("at_once", [True, False], ids=["in one stretch", "later"])
def test_a_webhook_of_the_second_connection_gets_what_the_first_was_first_with(heard: Heard, *, at_once: bool) -> None:
    assert heard.hear(A, "Ev1") == [True]
    if not at_once:
        heard.fan_out_all()
        assert heard.got() == got_by(A)
    assert heard.hear(B, "Ev1") == [False]
    heard.fan_out_all()
    assert heard.got() == got_by(A, B)
    assert audit(heard.client.redis) == []


def test_an_echo_is_no_event_more_and_the_ledger_closes(heard: Heard) -> None:
    heard.hear(A, "Ev1")
    heard.hear(B, "Ev1")
    heard.fan_out_all()
    assert heard.deliveries.ledger().events == 1
    assert heard.deliveries.ledger(WebhookId("wh_all")) == Ledger(received=1, outstanding=1)
    assert heard.deliveries.ledger(WebhookId("wh_b")) == Ledger(received=2, filtered=1, outstanding=1)
    assert all(heard.deliveries.ledger(WebhookId(f"wh_{name}")).closes for name in WEBHOOKS)
    assert heard.deliveries.ledger().closes
    matched = [fact for fact in heard.facts if isinstance(fact, EventsMatched)]
    assert sum(fact.events for fact in matched) == 1
    assert sum(fact.filtered for fact in matched) == 0
    assert sum(fact.deliveries for fact in matched) == 5


def test_a_copy_by_a_connection_that_is_known_changes_nothing(heard: Heard) -> None:
    for by in (A, A, B, B, A, C, B, C):
        heard.hear(by, "Ev1")
    assert heard.entries() == [("Ev1", A, False), ("Ev1", B, True), ("Ev1", C, True)]
    heard.fan_out_all()
    assert heard.got() == got_by(A, B, C)
    (stored,) = heard.journal.events.stored([EventId("Ev1")])
    assert stored is not None
    assert stored.echoes == (B, C)
    assert stored.envelope == replace(envelope("Ev1"), connection=A)


def test_what_has_been_settled_is_not_sent_again_and_the_event_is_kept_for_the_new_one(heard: Heard) -> None:
    heard.hear(A, "Ev1")
    heard.fan_out_all()
    redis = heard.client.redis
    assert redis.pttl(EVENT) == -1
    heard.hear(B, "Ev1")
    heard.fan_out_all()
    assert (len(heard.claim()), redis.pttl(EVENT)) == (5, -1)


def test_an_echo_that_nobody_wants_leaves_the_event_to_its_retention(heard: Heard) -> None:
    for name in WEBHOOKS:
        heard.webhooks.remove(WebhookId(f"wh_{name}"))
    heard.hear(A, "Ev1")
    heard.fan_out_all()
    heard.hear(B, "Ev1")
    assert heard.client.redis.pttl(EVENT) == -1  # until fan-out has seen it
    heard.fan_out_all()
    assert heard.client.redis.pttl(EVENT) > 0


def test_an_ordered_webhook_gets_its_events_in_the_order_of_the_journal(heard: Heard) -> None:
    heard.webhooks.add(webhook("wh_b2", connections=(B,), order="all"))
    for name, first, second in (("Ev1", A, B), ("Ev2", B, A), ("Ev3", A, B)):
        heard.hear(first, name)
        heard.hear(second, name)
    heard.fan_out_all()
    assert [heard.delivery(id).event_id for id in heard.ids("wh_b2")] == ["Ev1", "Ev2", "Ev3"]
    assert audit(heard.client.redis) == []


def test_an_event_that_was_kept_by_an_older_release_is_known_all_the_same(heard: Heard) -> None:
    """Its head names the connection last."""
    heard.hear(A, "Ev1")
    old = b"0" * 28 + b'{"v":1,"at":1700000000.5,"k":"message","c":"C1","n":"con_a"}\n{}'
    heard.client.redis.set(EVENT, old)
    heard.hear(A, "Ev1")
    assert heard.client.redis.get(EVENT) == old
    heard.hear(B, "Ev1")
    assert heard.entries() == [("Ev1", A, False), ("Ev1", B, True)]


@pytest.mark.parametrize("kept", [b"", b"x", b"0" * 28 + b"\n", b"0" * 28 + b"{}\n{}", b"0" * 28 + b"[1]\nx"])
def test_a_record_that_cannot_be_read_stops_nobody(heard: Heard, kept: bytes) -> None:
    heard.client.redis.set(EVENT, kept)
    assert heard.hear(B, "Ev1", "Ev2") == [False, True]
    assert heard.client.redis.get(EVENT) == kept


def test_a_replay_of_what_is_missing_knows_by_which_connections_an_event_came(heard: Heard) -> None:
    heard.hear(A, "Ev1")
    heard.hear(B, "Ev1")
    heard.fan_out_all()
    late = heard.webhooks.add(webhook("wh_late", connections=(B,)))
    never = heard.webhooks.add(webhook("wh_never", connections=(C,)))
    replays = Replays(heard.client)
    rooms = ReplayRooms(replays=replays, shards=Shards(heard.client), directory=Directory(heard.webhooks))
    for number, each in enumerate((late, never, late)):
        now = time()
        replays.start(
            Replay(
                id=ReplayId(f"rpl_{number}"),
                webhook=each.id,
                since=0,
                until=now + 1,
                wanted=Wanted.MISSING,
                created_at=now,
            )
        )
    replayer = Replayer(rooms, lambda _: None)
    while replays.running():
        replayer.turn()
    assert (len(heard.ids("wh_late")), len(heard.ids("wh_never"))) == (1, 0)
    assert audit(heard.client.redis) == []


def test_the_live_stream_tells_an_event_once(heard: Heard) -> None:
    feed = Feed(heard.client)
    start = feed.now()
    heard.hear(A, "Ev1")
    heard.hear(B, "Ev1")
    told = feed.wait(start, 10)
    assert [one.event for one in told] == ["Ev1", None]
    assert told[-1].place.events == heard.journal.newest("+", 1)[0].position


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("12345"), st.sampled_from((A, B, C)), st.booleans()), max_size=30))
def test_however_copies_come_each_webhook_has_each_event_that_one_of_its_connections_heard_once(
    heard: Heard, copies: Sequence[tuple[str, ConnectionId, bool]]
) -> None:
    heard.client.redis.flushall()
    again = Heard(heard.client)
    for number, by, fan_out in copies:
        again.hear(by, f"Ev{number}")
        if fan_out:
            again.fan_out_all()
    if copies:
        again.fan_out_all()
    came = {f"Ev{number}": {by for which, by, _ in copies if which == number} for number, _, _ in copies}
    for name, own in WEBHOOKS.items():
        wanted = {event for event, by in came.items() if not own or by & set(own)}
        assert Counter(again.got()[name]) == Counter(wanted)
    assert again.deliveries.ledger().events == len(came)
    assert again.deliveries.ledger().closes
    assert audit(heard.client.redis) == []


def test_cuts_between_echoes_and_their_fan_out_lose_nothing_and_double_nothing(own_redis: RedisServer) -> None:
    client = Client(StoreOptions(url=own_redis.url))
    heard = Heard(client)

    def both_hear(call: int) -> None:
        heard.hear(A, *names(call))
        heard.hear(B, *names(call))
        heard.fan_out_all()

    with cut_again_and_again(own_redis, both_hear) as asked:
        events = [name for call in range(asked.answered) for name in names(call)]
        for name in ("all", "a", "b", "ab", "bc"):
            assert heard.got()[name] == events
        assert heard.deliveries.ledger().events == len(events)
        assert heard.deliveries.ledger().closes
        assert audit(client.redis) == []
    client.close()
