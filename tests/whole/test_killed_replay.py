"""A worker killed amid a replay: another goes on where it was, and nothing is skipped or sent again twice."""

from signal import SIGKILL
from time import time

from relay.core.delivery import Step
from relay.core.ids import ReplayId, WebhookId
from relay.core.replay import Replay, ReplayState, Wanted
from relay.store.client import Client, StoreOptions
from relay.store.deliveries import Settlement
from relay.store.replays import Replays
from relay.store.vault import Vault
from relay.store.webhooks import Webhooks
from tests.receivers import Receiver
from tests.servers import RedisServer
from tests.store.audit import audit
from tests.store.filled import Filled, webhook
from tests.waiting import until
from tests.whole.program import Program

ONE = WebhookId("wh_1")
GATE = "relay:{0}:gate:wh_1"
DEAD = 2600
"""A replay waits while more than 2,000 wait for their first try: so this one can't end before some have gone."""


def die(filled: Filled) -> None:
    """Many deliveries, all of them dead."""
    for start in range(0, DEAD, 200):
        filled.deliver(*(f"Ev{number}" for number in range(start, start + 200)))
        dead = [
            Settlement(claim=claim, step=Step.GIVE_UP, failed=False, reason="exhausted", attempt=b"{}")
            for claim in filled.claim(200)
        ]
        filled.deliveries.settle(dead)


def test_a_worker_is_killed_in_the_middle_of_a_replay(own_redis: RedisServer) -> None:
    client = Client(StoreOptions(url=own_redis.url))
    filled, replays = Filled(client), Replays(client)
    webhooks = Webhooks(client, Vault())  # as the program has it, without a key
    with Receiver() as receiver:
        webhooks.add(webhook("wh_1", url=receiver.url, max_in_flight=200))
        die(filled)
        assert filled.deliveries.ledger().dead == DEAD
        client.redis.hset(GATE, mapping={"pause": int((time() + 3000) * 1000), "paused": int(time() * 1000)})
        replay = ReplayId("rpl_1")
        replays.start(Replay(id=replay, webhook=ONE, since=0, until=time() + 1, wanted=Wanted.DEAD, created_at=time()))

        def stands() -> Replay:
            found = replays.get(replay)
            assert found is not None
            return found

        with Program("worker", {"REDIS_URL": own_redis.url}) as first:
            until(lambda: stands().progress.resent >= 2000)
            first.end(SIGKILL)
        assert stands().state is ReplayState.RUNNING
        assert receiver.got == []
        client.redis.hdel(GATE, "pause")
        with Program("worker", {"REDIS_URL": own_redis.url}):
            until(lambda: stands().state is ReplayState.FINISHED)
        assert stands().progress.resent == DEAD
        assert filled.deliveries.ledger().dead == 0
        assert len({got.headers["webhook-id"] for got in receiver.got}) == len(receiver.got)
    assert audit(client.redis) == []
    client.close()
