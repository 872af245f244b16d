"""Replays: what was asked for, how far each shard is, and the step that does one batch of it.

A replay's record is one for the whole relay; its progress is each shard's own, because a batch of deliveries and the
progress that says so are one script. That script compares the cursor first: of two workers with the same batch one
wins, and a worker that is killed leaves the batch either done or not begun.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from relay.core.delivery import State
from relay.core.ids import DeliveryId, EventId, ReplayId, WebhookId, delivery_id
from relay.core.matching import Match
from relay.core.replay import Progress, Replay, ReplayState, Wanted, share
from relay.store.client import BLOCK_S, GLOBAL, Argument, Client, Script
from relay.store.errors import translated
from relay.store.keys import Keys
from relay.store.reply import entries, fields, integer, rows, text

BATCH = 200
"""Deliveries in one step: a script keeps everybody else waiting."""


class Standing(Struct, frozen=True, kw_only=True):
    """How far a replay is on one shard."""

    cursor: str  # where the next batch begins; "" before the first
    done: bool
    progress: Progress


class Batch(Struct, frozen=True, kw_only=True):
    """What is looked at in one step: deliveries to send again, or events of which a delivery may be missing."""

    following: str  # the cursor behind it
    looked: int
    last: bool = False  # nothing is left behind it
    resend: Sequence[int] = ()  # sequences
    states: frozenset[State] = frozenset()  # those of them that are sent again
    make: Sequence[tuple[EventId, str]] = ()  # events, and their lanes


class Replays:
    """The records, for people and for the loop."""

    __slots__ = ("_client", "_end", "_keys", "_parts")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._parts: tuple[ShardReplays, ...] = ()  # made when Redis has said how many
        self._keys = Keys(GLOBAL)
        self._end = Script("end_replay", shard=False)

    def start(self, replay: Replay) -> None:
        """From now on the workers do it, whatever becomes of the caller. Raises StoreAway."""
        record = (
            *("webhook", replay.webhook, "since", repr(replay.since), "until", repr(replay.until)),
            *("wanted", replay.wanted, "created", repr(replay.created_at), "state", ReplayState.RUNNING),
        )
        forgotten_us = (replay.created_at - self._client.options.retention_s) * 1e6
        pipeline = self._client.redis.pipeline(transaction=True)
        pipeline.execute_command("HSET", self._keys("replay", replay.id), *record)
        pipeline.zremrangebyscore(self._keys("replays"), "-inf", forgotten_us)
        pipeline.zadd(self._keys("replays"), {replay.id: int(replay.created_at * 1e6)})
        pipeline.sadd(self._keys("running_replays"), replay.id)
        pipeline.rpush(self._keys("replay_bell"), "1")
        pipeline.ltrim(self._keys("replay_bell"), 0, 0)
        with translated():
            pipeline.execute()

    def get(self, id: ReplayId) -> Replay | None:
        """With its progress. Raises StoreAway."""
        found = self._read([id])
        return found[0] if found else None

    def page(self, before: ReplayId | None, limit: int) -> list[Replay]:
        """Newest first, those that began before `before`. Raises StoreAway."""
        with translated():
            start = 0
            if before is not None:
                rank = self._client.redis.zrevrank(self._keys("replays"), before)
                if rank is None:
                    return []
                start = integer(rank) + 1
            ids = rows(self._client.redis.zrevrange(self._keys("replays"), start, start + limit - 1))
        return self._read([ReplayId(text(id)) for id in ids])

    def running(self) -> list[Replay]:
        """Those that are not over. Raises StoreAway."""
        with translated():
            ids = self._client.redis.smembers(self._keys("running_replays"))
        return [replay for replay in self._read(sorted(ReplayId(text(id)) for id in ids)) if replay.ended_at is None]

    def end(self, id: ReplayId, state: ReplayState, now: float) -> bool:
        """Finished, cancelled or failed; False if it was over already. Afterwards no batch of it is done any more.
        Raises StoreAway.
        """
        ended = bool(integer(self._client.run(self._end, GLOBAL, (id, state, repr(now), int(self._retention_s)))))
        for shard in self._shards:
            shard.close(id)
        return ended

    def wait(self, at_most_s: float) -> bool:
        """Until a replay is started, or for `at_most_s` (bounded by BLOCK_S); whether one was. Raises StoreAway."""
        rang = self._client.block("BLPOP", self._keys("replay_bell"), max(0.001, min(at_most_s, BLOCK_S)))
        return rang is not None

    @property
    def _shards(self) -> "tuple[ShardReplays, ...]":
        if not self._parts:
            self._parts = tuple(ShardReplays(self._client, shard) for shard in range(self._client.shards()))
        return self._parts

    @property
    def _retention_s(self) -> float:
        return self._client.options.retention_s

    def _read(self, ids: Sequence[ReplayId]) -> list[Replay]:
        """Those that are known, in that order."""
        pipeline = self._client.redis.pipeline(transaction=False)
        for id in ids:
            pipeline.hgetall(self._keys("replay", id))
        with translated():
            records = [fields(record) for record in pipeline.execute()] if ids else []
        known = [_replay(id, record) for id, record in zip(ids, records, strict=True) if record]
        return [self._with_progress(replay) for replay in known]

    def _with_progress(self, known: Replay) -> Replay:
        standings = [shard.standing(known) for shard in self._shards]
        progress = Progress(
            looked=sum(one.progress.looked for one in standings),
            resent=sum(one.progress.resent for one in standings),
            made=sum(one.progress.made for one in standings),
            share=sum(one.progress.share for one in standings) / len(standings),
        )
        return replace(known, progress=progress)


class ShardReplays:
    """One shard's part."""

    __slots__ = ("_client", "_keys", "_replay", "shard")

    def __init__(self, client: Client, shard: int = 0) -> None:
        self.shard = shard
        self._client = client
        self._keys = Keys(shard)
        self._replay = Script("replay")

    def standing(self, replay: Replay) -> Standing:
        """Raises StoreAway."""
        with translated():
            kept = fields(self._client.redis.hgetall(self._keys("progress", replay.id)))
        done = "done" in kept
        progress = Progress(
            looked=int(kept.get("looked", 0)),
            resent=int(kept.get("resent", 0)),
            made=int(kept.get("made", 0)),
            share=1.0 if done else share(replay, kept.get("cursor", "")),
        )
        return Standing(cursor=kept.get("cursor", ""), done=done, progress=progress)

    def step(self, replay: Replay, standing: Standing, batch: Batch) -> str:
        """Do a batch, if the replay still stands there. Answers "done"; or, with nothing changed, "behind" (another
        worker was first), "ended", "full" (much waits for its first try already: later) or "gone" (the webhook is).
        Raises StoreAway: whether it was done, the cursor will tell.
        """
        if batch.resend:
            rest: list[Argument] = ["resend", " ".join(sorted(batch.states)), *batch.resend]
        else:
            rest = ["make"]
            for event, lane in batch.make:
                rest += (event, replay.webhook, lane)
        known = self._client.newest_sequence
        head = (replay.id, replay.webhook, standing.cursor, batch.following, batch.looked, int(batch.last), known)
        return text(rows(self._client.run_on_shard(self._replay, self.shard, (*head, *rest)))[0])

    def between(self, replay: Replay, after: str) -> list[int]:
        """Sequences of the webhook's deliveries that the replay is about, behind `after` ("": from its beginning), a
        batch of them. Raises StoreAway.
        """
        start = f"({after}-0" if after else f"{int(replay.since * 1e6)}-0"
        end = f"({int(replay.until * 1e6)}-0"
        with translated():
            found = self._client.redis.xrange(self._keys("deliveries", replay.webhook), start, end, BATCH)
        return [int(id.partition("-")[0]) for id, _ in entries(found)]

    def bring(self, event: EventId, matches: Sequence[Match]) -> Mapping[WebhookId, DeliveryId]:
        """One event to each of these webhooks: sent again where it has a delivery, which is then over or waits for its
        next try; made where it has none. What is under way or held stays as it is. A webhook that is gone gets nothing,
        nor does any if the event is. Raises StoreAway: ask again, it brings what was not brought.
        """
        brought: dict[WebhookId, DeliveryId] = {}
        for start in range(0, len(matches), BATCH):
            batch = matches[start : start + BATCH]
            arguments: list[Argument] = ["", "", "", "", 0, 0, self._client.newest_sequence, "bring"]
            for match in batch:
                arguments += (event, match.webhook, match.lane)
            sequences = map(integer, rows(rows(self._client.run_on_shard(self._replay, self.shard, arguments))[1]))
            for match, sequence in zip(batch, sequences, strict=True):
                if sequence:
                    brought[match.webhook] = delivery_id(sequence, self.shard)
        return brought

    def close(self, id: ReplayId) -> None:
        """Let no more batches of it be done. Raises StoreAway."""
        name = self._keys("progress", id)
        pipeline = self._client.redis.pipeline(transaction=True)
        pipeline.hset(name, "ended", 1)
        pipeline.expire(name, int(self._client.options.retention_s))
        with translated():
            pipeline.execute()


def _replay(id: ReplayId, record: Mapping[str, str]) -> Replay:
    return Replay(
        id=id,
        webhook=WebhookId(record["webhook"]),
        since=float(record["since"]),
        until=float(record["until"]),
        wanted=Wanted(record["wanted"]),
        created_at=float(record["created"]),
        state=ReplayState(record["state"]),
        ended_at=float(record["ended"]) if "ended" in record else None,
    )
