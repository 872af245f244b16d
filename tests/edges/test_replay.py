"""Replays: what they send again, what they make, and that no two workers and no crash make it twice."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from time import time

import pytest

from relay.core.delivery import Claim, State, Step
from relay.core.ids import EventId, ReplayId, WebhookId
from relay.core.ledger import Ledger
from relay.core.matching import Match
from relay.core.replay import RESENT, Progress, Replay, ReplayState, Wanted
from relay.deliver.replay import Replayer, ReplayRooms
from relay.fanout import FanOut
from relay.loops import Loop
from relay.store.client import Client, StoreOptions
from relay.store.deliveries import Settlement
from relay.store.directory import Directory
from relay.store.replays import Batch, Replays, ShardReplays
from relay.store.shards import Shards
from tests.servers import RedisServer
from tests.store.audit import audit
from tests.store.filled import Filled, webhook
from tests.waiting import until

ONE, TWO = WebhookId("wh_1"), WebhookId("wh_2")


class Replaying(Filled):
    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.replays = Replays(client)
        self.numbers = count()
        self.shard = ShardReplays(client)

    def replayer(self) -> Replayer:
        """As one more worker has it."""
        rooms = ReplayRooms(replays=self.replays, shards=Shards(self.client), directory=Directory(self.webhooks))
        return Replayer(rooms, lambda _: None)

    def start(self, wanted: Wanted, *, since: float = 0, until: float | None = None, to: WebhookId = ONE) -> Replay:
        replay = Replay(
            id=ReplayId(f"rpl_{next(self.numbers)}"),
            webhook=to,
            since=since,
            until=until or time() + 1,
            wanted=wanted,
            created_at=time(),
        )
        self.replays.start(replay)
        return replay

    def finish(self, replay: Replay, replayers: Sequence[Replayer] = ()) -> Progress:
        """Let these turn about, each a turn, until it is over."""
        workers = replayers or [self.replayer()]
        for _ in range(200):
            for worker in workers:
                if not self.replays.running():
                    break
                worker.turn()
        found = self.replays.get(replay.id)
        assert found is not None
        assert found.state is ReplayState.FINISHED
        assert audit(self.client.redis) == []
        return found.progress

    def fan_out_all(self) -> None:
        """As the program does it: to those who want it."""
        fan_out = FanOut(self.journal, Directory(self.webhooks), lambda _: None)
        while self.journal.cursor() != self.journal.newest("+", 1)[0].position:
            fan_out.turn()

    def deliver_and_settle(self, step: Step, *names: str) -> None:
        self.deliver(*names)
        while claims := self.claim(1000):
            self.settle_all(claims, step)

    def settle_all(self, claims: Sequence[Claim], step: Step) -> None:
        self.deliveries.settle([Settlement(claim=each, step=step, failed=False, attempt=b"{}") for each in claims])


@pytest.fixture
def replaying(redis_url: str) -> Iterator[Replaying]:
    client = Client(StoreOptions(url=redis_url))
    yield Replaying(client)
    client.close()


def names(first: int, last: int) -> list[str]:
    return [f"Ev{number}" for number in range(first, last + 1)]


def test_the_dead_of_a_stretch_of_time_are_sent_again(replaying: Replaying) -> None:
    replaying.webhooks.add(webhook("wh_1", max_in_flight=1000))
    replaying.deliver_and_settle(Step.GIVE_UP, "Ev1")
    since = time()
    replaying.deliver_and_settle(Step.GIVE_UP, *names(2, 601))
    replaying.deliver_and_settle(Step.ACCEPT, "Ev700")
    progress = replaying.finish(replaying.start(Wanted.DEAD, since=since))
    assert progress == Progress(looked=601, resent=600, made=0, share=1.0)
    states = [replaying.state(id) for id in replaying.ids()]
    assert (states[0], states[-1], states.count(State.PENDING)) == (State.DEAD, State.DELIVERED, 600)


def test_the_missing_are_those_that_it_wants_now_and_never_had(replaying: Replaying) -> None:
    replaying.webhooks.add(webhook("wh_1", events=("reaction_added",)))
    replaying.webhooks.add(webhook("wh_2", events=("message",)))
    replaying.append(*names(1, 500))
    replaying.fan_out_all()
    replaying.webhooks.remove(ONE)
    replaying.webhooks.add(webhook("wh_3", events=("message",)))
    three = WebhookId("wh_3")
    replaying.append("Ev900")
    replaying.fan_out_all()
    assert replaying.deliveries.ledger(three) == Ledger(received=1, outstanding=1)
    progress = replaying.finish(replaying.start(Wanted.MISSING, to=three))
    assert (progress.looked, progress.made) == (501, 500)
    assert replaying.deliveries.ledger(three) == Ledger(received=501, outstanding=501)
    assert replaying.deliveries.ledger().closes
    again = replaying.finish(replaying.start(Wanted.MISSING, to=three))
    assert (again.looked, again.made) == (501, 0)
    assert len(replaying.ids("wh_3")) == 501


def test_a_missing_delivery_keeps_its_event_and_is_named_by_it(replaying: Replaying) -> None:
    replaying.append("Ev1")
    replaying.fan_out_all()
    assert replaying.client.redis.ttl("relay:{0}:event:Ev1") > 0
    replaying.webhooks.add(webhook("wh_1", max_in_flight=1000))
    replaying.finish(replaying.start(Wanted.MISSING))
    assert replaying.client.redis.ttl("relay:{0}:event:Ev1") == -1
    (stored,) = replaying.journal.events.stored([EventId("Ev1")])
    assert stored is not None
    assert [*stored.deliveries, *replaying.journal.events.later_deliveries(EventId("Ev1"))] == replaying.ids()


def test_all_are_the_settled_and_the_missing_but_what_a_person_cancelled(replaying: Replaying) -> None:
    replaying.append("Ev1")
    replaying.fan_out_all()
    replaying.webhooks.add(webhook("wh_1", max_in_flight=1000))
    replaying.deliver_and_settle(Step.ACCEPT, "Ev2")
    replaying.deliver_and_settle(Step.GIVE_UP, "Ev3")
    replaying.deliver("Ev4")
    replaying.deliveries.redo(replaying.ids()[-1:], Step.CANCEL)
    progress = replaying.finish(replaying.start(Wanted.ALL))
    assert (progress.resent, progress.made) == (2, 1)
    assert {claim.event_id for claim in replaying.claim()} == {"Ev1", "Ev2", "Ev3"}


def test_of_several_workers_each_batch_is_done_by_one(replaying: Replaying) -> None:
    replaying.webhooks.add(webhook("wh_1", max_in_flight=1000))
    replaying.deliver_and_settle(Step.GIVE_UP, *names(1, 900))
    workers = [replaying.replayer() for _ in range(3)]
    assert replaying.finish(replaying.start(Wanted.DEAD), workers).resent == 900


def test_a_batch_that_was_done_and_whose_answer_was_lost_is_not_done_again(replaying: Replaying) -> None:
    replaying.webhooks.add(webhook("wh_1", max_in_flight=1000))
    replaying.deliver_and_settle(Step.GIVE_UP, *names(1, 300))
    replay = replaying.start(Wanted.DEAD)
    standing = replaying.shard.standing(replay)
    sequences = replaying.shard.between(replay, "")
    batch = Batch(following=f"d{sequences[-1]}", looked=len(sequences), resend=sequences, states=RESENT[Wanted.DEAD])
    assert replaying.shard.step(replay, standing, batch) == "done"
    assert replaying.shard.step(replay, standing, batch) == "behind"
    assert replaying.finish(replay).resent == 300


def test_however_often_redis_is_killed_in_the_middle_each_is_sent_again_once(own_redis: RedisServer) -> None:
    client = Client(StoreOptions(url=own_redis.url))
    replaying = Replaying(client)
    replaying.webhooks.add(webhook("wh_1", max_in_flight=3000))
    replaying.deliver_and_settle(Step.GIVE_UP, *names(1, 900))
    replaying.deliver_and_settle(Step.GIVE_UP, *names(901, 1800))
    replay = replaying.start(Wanted.DEAD)
    turns = Loop("replay", replaying.replayer().turn, lambda _: None)
    turns.start()
    for part in range(1, 4):
        until(partial(came_to, replaying, replay.id, 400 * part))
        own_redis.restart()
    until(lambda: seen(replaying, replay.id).state is ReplayState.FINISHED)
    turns.stop()
    assert seen(replaying, replay.id).progress.resent == 1800
    assert replaying.deliveries.ledger() == Ledger(received=1800, outstanding=1800, events=1800)
    assert audit(client.redis) == []
    client.close()


def came_to(replaying: Replaying, id: ReplayId, resent: int) -> bool:
    return seen(replaying, id).progress.resent >= resent


def seen(replaying: Replaying, id: ReplayId) -> Replay:
    found = replaying.replays.get(id)
    assert found is not None
    return found


def test_a_replay_can_be_cancelled_and_then_goes_no_further(replaying: Replaying) -> None:
    replaying.webhooks.add(webhook("wh_1", max_in_flight=1000))
    replaying.deliver_and_settle(Step.GIVE_UP, *names(1, 900))
    replay = replaying.start(Wanted.DEAD)
    worker = replaying.replayer()
    worker.turn()
    assert replaying.replays.end(replay.id, ReplayState.CANCELLED, 5.0)
    assert not replaying.replays.end(replay.id, ReplayState.CANCELLED, 6.0)
    assert replaying.replays.running() == []
    found = replaying.replays.get(replay.id)
    assert found is not None
    assert (found.state, found.ended_at, found.progress.resent) == (ReplayState.CANCELLED, 5.0, 200)
    assert 0 < found.progress.share < 1


def test_what_is_new_does_not_wait_behind_a_million_old_ones(replaying: Replaying) -> None:
    replaying.webhooks.add(webhook("wh_1", max_in_flight=1000))
    for start in range(0, 3000, 1000):
        replaying.deliver_and_settle(Step.GIVE_UP, *names(start, start + 999))
    replaying.start(Wanted.DEAD)
    worker = replaying.replayer()
    for _ in range(20):
        worker.turn()
    assert 2000 < replaying.client.redis.llen("relay:{0}:fresh:wh_1") < 2400


def test_a_replay_whose_webhook_is_removed_has_failed(replaying: Replaying) -> None:
    replaying.webhooks.add(webhook("wh_1", max_in_flight=1000))
    replaying.deliver_and_settle(Step.GIVE_UP, "Ev1")
    replay = replaying.start(Wanted.DEAD)
    replaying.webhooks.remove(ONE)
    replaying.replayer().turn()
    found = replaying.replays.get(replay.id)
    assert found is not None
    assert found.state is ReplayState.FAILED


def test_one_event_is_brought_to_all_who_want_it_and_to_each_once(replaying: Replaying) -> None:
    for name in ("wh_1", "wh_2", "wh_3"):
        replaying.webhooks.add(webhook(name))
    replaying.append("Ev1")
    assert replaying.fan_out(Match(webhook=ONE), Match(webhook=TWO)) == "done"
    (first, second) = replaying.claim()
    replaying.settle(first, Step.ACCEPT)
    matches = [Match(webhook=WebhookId(name)) for name in ("wh_1", "wh_2", "wh_3", "wh_gone")]
    brought = replaying.shard.bring(EventId("Ev1"), matches)
    assert brought[ONE] == replaying.ids("wh_1")[0] == first.id
    assert sorted(brought) == ["wh_1", "wh_2", "wh_3"]
    states = [replaying.state(replaying.ids(name)[0]) for name in ("wh_1", "wh_2", "wh_3")]
    assert states == [State.PENDING, State.SENDING, State.PENDING]
    assert replaying.shard.bring(EventId("Ev1"), matches) == brought
    assert replaying.settle(second, Step.ACCEPT).in_time == [True]
    assert replaying.shard.bring(EventId("Ev9"), matches) == {}
    assert audit(replaying.client.redis) == []


def test_replays_are_listed_newest_first(replaying: Replaying) -> None:
    replaying.webhooks.add(webhook("wh_1", max_in_flight=1000))
    made = [replaying.start(wanted) for wanted in Wanted]
    page = replaying.replays.page(None, 2)
    assert [each.id for each in page] == [each.id for each in reversed(made)][:2]
    assert [each.id for each in replaying.replays.page(page[-1].id, 2)] == [made[0].id]
