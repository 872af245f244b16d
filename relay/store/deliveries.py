"""Deliveries: lent to workers, settled, sent again, looked at.

Every change of state is one Lua step, refused where core/delivery.py's table does not hold it.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.msgpack import Decoder

from relay.core.delivery import Claim, Delivery, State, Step
from relay.core.ids import DeliveryId, EventId, WebhookId, delivery_id, read_delivery_id
from relay.core.ledger import Ledger
from relay.core.reply import Reply, write_reply
from relay.store.attempts import Attempts
from relay.store.client import BLOCK_S, Client, Script, write_rows
from relay.store.errors import translated
from relay.store.keys import Keys
from relay.store.ledgers import read_ledger
from relay.store.reply import blob, fields, integer, rows, text

GRACE_S = 5.0
"""A lease is the webhook's timeout and this: half of it to begin the POST, half to settle what it did."""


class Claimed(Struct, frozen=True, array_like=True):
    """What scripts/claim.lua answers, in its order."""

    version: int  # of the webhooks, as the shard knows it
    wait_ms: int  # until there may be more to claim; -1: only the bell knows
    newest: int  # number among the claims; 0 if there is none
    claims: list[Claim]

    @property
    def wait_s(self) -> float | None:
        """Until there may be more to claim; None: only the bell knows."""
        return None if self.wait_ms < 0 else self.wait_ms / 1000


class Settlement(Struct, frozen=True, kw_only=True):
    """What one try did, and what follows from it."""

    claim: Claim
    step: Step  # ACCEPT, POSTPONE, GIVE_UP, GIVE_BACK or HOLD
    wait_s: float = 0.0  # POSTPONE: until the next try
    pause_s: float = 0.0  # for the whole webhook
    failed: bool  # whether the endpoint failed: the breaker counts these
    reason: str = ""
    attempt: bytes  # one JSON line, without the newline
    reply: Reply | None = None  # ACCEPT: what the endpoint wants said


class Accepted(Struct, frozen=True, array_like=True, gc=False):
    """The settlement of most tries: the endpoint took it, and there is nothing to say but what it answered. As
    scripts/settle.lua reads it.
    """

    sequence: int
    fence: int
    attempt: str


class Failing(Struct, frozen=True, array_like=True, gc=False):
    """A webhook whose deliveries only fail, since when and how many: as scripts/settle.lua says it."""

    webhook: WebhookId
    since: float
    deliveries: int
    warned: int


class Settled(Struct, frozen=True, array_like=True):
    """What scripts/settle.lua answers, in its order."""

    in_time: list[bool]  # False: the lease was no longer the settler's; the attempt is kept, the state is not touched
    failing: list[Failing]
    watched: bool  # somebody looks at the live stream


_read_claimed = Decoder(Claimed).decode
_read_settled = Decoder(Settled).decode


def to_claim(limit: int, *, grace_s: float = GRACE_S, asks_again: bool = False) -> tuple[int, int, int]:
    """What scripts/claim.lua wants, alone or behind something else. What there is to claim soon, but not now, is for
    others, unless the caller `asks_again`.
    """
    return limit, int(grace_s * 1000), int(asks_again)


def read_claimed(client: Client, answer: object) -> Claimed:
    """What scripts/claim.lua has brought."""
    claimed = _read_claimed(blob(answer))
    client.saw(claimed.newest)
    return claimed


class Deliveries:
    """One shard's deliveries; `attempts` is their log."""

    __slots__ = ("_claim", "_client", "_keys", "_redo", "_settle", "_settle_and_claim", "_warn", "attempts", "shard")

    def __init__(self, client: Client, shard: int = 0) -> None:
        self.shard = shard
        self._client = client
        self._keys = Keys(shard)
        self.attempts = Attempts(client, shard)
        self._claim, self._settle, self._redo, self._warn = map(Script, ("claim", "settle", "redo", "warn"))
        self._settle_and_claim = Script("settle", "claim")

    def claim(self, limit: int, *, grace_s: float = GRACE_S) -> Claimed:
        """Borrow up to `limit` deliveries that are due. Raises StoreAway: what was lent comes back when its lease
        ends.
        """
        asked = to_claim(limit, grace_s=grace_s, asks_again=True)
        return read_claimed(self._client, self._client.run_on_shard(self._claim, self.shard, asked))

    def settle(self, settlements: Sequence[Settlement | Accepted]) -> Settled:
        """Write down what tries did. Raises StoreAway: ask again, it does no harm."""
        return _read_settled(blob(self._client.run_on_shard(self._settle, self.shard, _to_settle(settlements))))

    def settle_and_claim(self, settlements: Sequence[Settlement | Accepted], limit: int) -> tuple[Settled, Claimed]:
        """`settle`, and then `claim` what there is room for now, in one step. Raises StoreAway: ask for both again, it
        does no harm; what was lent comes back when its lease ends.

        Whoever sleeps until there is something to claim is woken for what is left, and for what comes soon.
        """
        asked = (_to_settle(settlements, claimed_next=True), to_claim(limit))
        settled, claimed = self._client.run_in_turn(self._settle_and_claim, self.shard, asked)
        return _read_settled(blob(settled)), read_claimed(self._client, claimed)

    def wait(self, at_most_s: float) -> None:
        """Until the bell rings, or for `at_most_s` (bounded by BLOCK_S). Raises StoreAway."""
        self._client.block("BLPOP", self._keys("bell"), max(0.001, min(at_most_s, BLOCK_S)))

    def redo(self, ids: Sequence[DeliveryId], step: Step) -> list[int]:
        """REPLAY or CANCEL each: 1 done, 0 its state does not allow it, -1 unknown, -2 its event is gone, -3 its
        webhook is gone.
        """
        sequences = [read_delivery_id(id)[0] for id in ids]
        return [integer(done) for done in rows(self._client.run_on_shard(self._redo, self.shard, (step, *sequences)))]

    def warn(self, webhook: WebhookId, level: int) -> bool:
        """Whether it is the caller who is to give this warning. Raises StoreAway."""
        return bool(integer(self._client.run_on_shard(self._warn, self.shard, (webhook, level))))

    def get(self, ids: Sequence[DeliveryId]) -> list[Delivery | None]:
        """These deliveries; None for one that is not, or no longer, kept. Raises StoreAway."""
        pipeline = self._client.redis.pipeline(transaction=False)
        for id in ids:
            pipeline.hgetall(self._keys("delivery", read_delivery_id(id)[0]))
        with translated():
            answers = pipeline.execute()
        return [_delivery(id, fields(answer)) if answer else None for id, answer in zip(ids, answers, strict=True)]

    def of_webhook(self, webhook: WebhookId, before: DeliveryId | None, limit: int) -> list[DeliveryId]:
        """A webhook's deliveries, newest first, those born before `before`. Raises StoreAway."""
        start = f"({read_delivery_id(before)[0]}-0" if before else "+"
        with translated():
            found = rows(self._client.redis.xrevrange(self._keys("deliveries", webhook), start, "-", limit))
        return [delivery_id(int(text(rows(row)[0]).split("-")[0]), self.shard) for row in found]

    def ledger(self, webhook: WebhookId | None = None) -> Ledger:
        """The ledger of one webhook (zeros if there is none), or of all that ever were, at one moment. Raises
        StoreAway.
        """
        return read_ledger(self._client, self.shard, webhook)


def _to_settle(settlements: Sequence[Settlement | Accepted], *, claimed_next: bool = False) -> tuple[bytes, int]:
    rows = [one if isinstance(one, Accepted) else _in_full(one) for one in settlements]
    return write_rows(rows), int(claimed_next)


def _in_full(one: Settlement) -> tuple[str | float | None, ...]:
    said = () if one.reply is None else (one.reply.place, write_reply(one.reply).decode())
    what = (one.step, one.reason, one.failed, one.wait_s, one.pause_s, *said)
    return one.claim.sequence, one.claim.fence, one.attempt.decode(), *what


def _delivery(id: DeliveryId, record: Mapping[str, str]) -> Delivery:
    return Delivery(
        id=id,
        webhook=WebhookId(record["w"]),
        event_id=EventId(record["e"]),
        state=State(record["s"]),
        tries=int(record.get("n", 0)),
        created_at=read_delivery_id(id)[0] / 1e6,
        due_at=int(record["d"]) / 1000 if "d" in record else None,
        settled_at=int(record["t"]) / 1000 if "t" in record else None,
        reason=record.get("r", ""),
    )
