"""Replies: what an endpoint answers is said in Slack, once for each delivery, in order, at Slack's pace."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, time

import pytest
from gevent.event import Event

from relay.core.delivery import Claim, Step
from relay.core.ids import ConnectionId
from relay.core.reply import Never, NotNow, Reply, Said
from relay.deliver.reply import Replier
from relay.loops import Loop
from relay.report import Fact, ReplySaid, ReplyUnsaid
from relay.store.client import Client, StoreOptions
from relay.store.replies import Replies, Taken
from tests.edges.engine import running
from tests.receivers import Answer, Receiver
from tests.servers import RedisServer
from tests.store.filled import Filled, webhook
from tests.waiting import until


def reply(text: str, channel: str = "C1", at: float | None = None) -> Reply:
    return Reply(
        connection=ConnectionId("con_1"), channel=channel, thread_ts=None, text=text, at=time() if at is None else at
    )


class Slack:
    """What chat.postMessage does: says, by default."""

    def __init__(self) -> None:
        self.said: list[tuple[float, Reply]] = []
        self.answers: list[Said | NotNow | Never] = []
        self.speaks = Event()
        self.speaks.set()

    def __call__(self, reply: Reply) -> Said | NotNow | Never:
        self.speaks.wait()
        self.said.append((monotonic(), reply))
        return self.answers.pop(0) if self.answers else Said()

    @property
    def texts(self) -> list[str]:
        return [reply.text for _, reply in self.said]


class Speaking(Filled):
    """A store with replies in it, and one worker that says them."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.slack = Slack()
        self.facts: list[Fact] = []
        self.replies = Replies(client)
        self.webhooks.add(webhook("wh_1", max_in_flight=1000))

    @contextmanager
    def worker(self) -> Iterator[Replier]:
        replier = Replier(self.replies, self.slack, self.facts.append)
        loops = [Loop(turn.__name__, turn, self.facts.append) for turn in (replier.take, replier.finish)]
        for loop in loops:
            loop.start()
        try:
            yield replier
        finally:
            for loop in loops:
                loop.stop()

    def answered(self, *replies: Reply) -> list[Claim]:
        """Each of them an endpoint's answer to an event of its own."""
        self.deliver(*(f"Ev{time()}{number}" for number in range(len(replies))))
        claims = self.claim()
        for claim, said in zip(claims, replies, strict=True):
            self.settle(claim, Step.ACCEPT, reply=said)
        return claims


@pytest.fixture
def speaking(redis_url: str) -> Iterator[Speaking]:
    client = Client(StoreOptions(url=redis_url))
    yield Speaking(client)
    client.close()


def test_replies_are_said_in_order_and_one_a_second_in_a_channel(speaking: Speaking) -> None:
    speaking.answered(reply("one"), reply("two"), reply("elsewhere", "C2"))
    with speaking.worker():
        until(lambda: len(speaking.slack.said) == 3)
    at = {said.text: when for when, said in speaking.slack.said}
    assert at["elsewhere"] - at["one"] < 0.5
    assert at["two"] - at["one"] >= 0.99


def test_two_workers_say_each_once(speaking: Speaking) -> None:
    speaking.answered(*(reply(str(number), f"C{number % 5}") for number in range(10)))
    with speaking.worker(), speaking.worker():
        until(lambda: len([fact for fact in speaking.facts if isinstance(fact, ReplySaid)]) == 10)
    assert sorted(speaking.slack.texts) == [str(number) for number in range(10)]


def test_who_stops_just_when_something_was_said_lets_the_others_run(speaking: Speaking) -> None:
    speaking.answered(reply("one"))
    replier = Replier(speaking.replies, speaking.slack, speaking.facts.append)
    replier.take()  # and nobody has written down yet what is said
    until(lambda: any(isinstance(fact, ReplySaid) for fact in speaking.facts))
    replier.stop_taking()
    loops = [Loop(turn.__name__, turn, speaking.facts.append) for turn in (replier.take, replier.finish)]
    for loop in loops:
        loop.start()
    until(lambda: not replier.speaking)
    for loop in loops:
        loop.stop()


def test_a_delivery_that_is_sent_again_is_answered_once(speaking: Speaking) -> None:
    (claim,) = speaking.answered(reply("one"))
    assert speaking.deliveries.redo([claim.id], Step.REPLAY) == [1]
    (again,) = speaking.claim()
    speaking.settle(again, Step.ACCEPT, reply=reply("again"))
    with speaking.worker():
        until(lambda: speaking.slack.said)
        until(lambda: speaking.client.redis.exists("relay:{0}:replies:con_1:C1") == 0)
    assert speaking.slack.texts == ["one"]


def test_what_slack_cannot_take_now_is_said_later_and_before_what_comes_after_it(speaking: Speaking) -> None:
    speaking.slack.answers = [NotNow(wait_s=0.05, why="ratelimited"), Said()]
    speaking.answered(reply("one"), reply("two"))
    with speaking.worker():
        until(lambda: len(speaking.slack.said) == 3)
    assert speaking.slack.texts == ["one", "one", "two"]


def test_what_slack_will_never_take_is_told_and_left(speaking: Speaking) -> None:
    speaking.slack.answers = [Never(why="channel_not_found")]
    speaking.answered(reply("one"), reply("two"))
    with speaking.worker():
        until(lambda: len(speaking.slack.said) == 2)
    (unsaid,) = [fact for fact in speaking.facts if isinstance(fact, ReplyUnsaid)]
    assert unsaid.why == "channel_not_found"


def test_what_could_not_be_said_for_an_hour_is_said_no_more(speaking: Speaking) -> None:
    speaking.answered(reply("old", at=time() - 3601), reply("new"))
    with speaking.worker():
        until(lambda: speaking.slack.said)
    assert speaking.slack.texts == ["new"]


def test_what_cannot_be_read_holds_nothing_up(speaking: Speaking) -> None:
    speaking.client.redis.rpush("relay:{0}:replies:con_1:C1", "1 nonsense")
    speaking.answered(reply("one"))
    with speaking.worker():
        until(lambda: speaking.slack.said)


def test_a_worker_that_ends_in_the_middle_leaves_it_to_another(speaking: Speaking) -> None:
    speaking.answered(reply("one"))
    lost = speaking.replies.take(lease_s=0.05)
    assert isinstance(lost, Taken)
    waits_s = speaking.replies.take()
    assert isinstance(waits_s, float)
    assert waits_s <= 0.05
    with speaking.worker():
        until(lambda: speaking.slack.said)
        until(lambda: speaking.client.redis.exists("relay:{0}:replies:con_1:C1") == 0)
    assert not speaking.replies.finish(lost, over=True, wait_s=1)


def test_with_redis_away_what_was_said_is_written_down_when_it_is_back(own_redis: RedisServer) -> None:
    client = Client(StoreOptions(url=own_redis.url))
    speaking = Speaking(client)
    speaking.slack.speaks.clear()
    speaking.answered(reply("one"), reply("two"))
    with speaking.worker() as replier:
        until(lambda: replier.speaking)
        own_redis.kill()
        speaking.slack.speaks.set()
        until(lambda: speaking.slack.said)
        own_redis.start()
        until(lambda: len(speaking.slack.said) == 2)
    assert speaking.slack.texts == ["one", "two"]
    client.close()


def test_from_the_endpoint_s_answer_to_what_is_to_be_said(redis_url: str) -> None:
    answers = {"/0": b'{"text":"' + b"x" * 30_000 + b'"}', "/1": b'{"text":"not asked for"}', "/2": b"ok"}
    with running(redis_url) as engine, Receiver(lambda got: Answer(200, answers[got.path])) as receiver:
        for number in range(3):
            engine.webhooks.add(webhook(f"wh_{number}", url=f"{receiver.url}{number}", reply=number != 1))
        engine.append("Ev1")
        until(lambda: engine.settled(1))
        taken = Replies(engine.client).take()
        assert isinstance(taken, Taken)
        assert taken.reply is not None
        assert (taken.reply.channel, len(taken.reply.text)) == ("C1", 30_000)
        assert taken.delivery == engine.ids("wh_0")[0]
        assert isinstance(Replies(engine.client).take(), float)  # that was the only one
