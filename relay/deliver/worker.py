"""Webhooks go out: claim what is due, POST it, settle what came of it.

Two loops. `claim` borrows deliveries, as many as there is room for, and begins their POSTs; `settle` writes down what
they did, in batches that grow with the load. In between there is no greenlet for a POST: the poster's pump calls `_end`
when an outcome is there.
"""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import random
from time import monotonic, time

import gevent
from gevent.event import Event

from relay.core.callback import write_callback
from relay.core.delivery import Claim, Reason, Step
from relay.core.envelope import JSON, Envelope
from relay.core.errors import Away, RelayError
from relay.core.outcome import EXCERPT_BYTES, Outcome
from relay.core.reply import REPLY_BYTES
from relay.core.trace import Trace
from relay.core.webhook import DisabledReason, Webhook
from relay.deliver.answers import ANSWER_BYTES, pass_on
from relay.deliver.health import Health
from relay.deliver.in_flight import InFlight, Share
from relay.deliver.post import Poster, Request
from relay.deliver.showing import show
from relay.deliver.spans import attempt_span
from relay.deliver.verdicts import Tried, Try, Unsent, conclude, unsent
from relay.report import DeliveryUnsendable, LoopFailed, Reporter, SettledLate, for_many
from relay.store.client import BLOCK_S
from relay.store.deliveries import GRACE_S, Claimed, Deliveries, Settled, Settlement
from relay.store.directory import Directory
from relay.store.journal import Journal
from relay.store.notices import Notices
from relay.store.outcomes import Outcomes

BATCH = 256
"""Settlements at a time."""

ENOUGH = 32
LINGERS, LINGER_S = 2, 0.001
"""Under load a settlement waits a moment until so many outcomes are there: a round trip for a few costs nearly as much
as one for all of them.
"""

Written = tuple[Claim, Webhook, Envelope, Request]
"""A callback that has yet to be sent."""

HOLD = Step.HOLD  # for the hot path, as in core/envelope.py


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverOptions:
    agent: str  # the User-Agent
    in_flight: int = 256  # POSTs at a time in this process, for all shards


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What the worker works with."""

    journal: Journal
    deliveries: Deliveries
    directory: Directory
    poster: Poster
    health: Health
    outcomes: Outcomes
    notices: Notices
    trace: Trace | None = None  # None: nobody looks at traces


class Worker:
    """One shard's. `claim` and `settle` are loops': see relay/loops.py. `share`: of what the process may have under
    way; without one, all that the options allow.
    """

    def __init__(self, rooms: Rooms, options: DeliverOptions, report: Reporter, *, share: Share | None = None) -> None:
        self._rooms = rooms
        self._share = share or InFlight(options.in_flight).share()
        self._options = options
        self._report = report
        self._report_many = for_many(report)
        self._ended: list[tuple[Try, Outcome]] = []
        self._answers: list[tuple[Try, Outcome]] = []  # of the same, those that Slack waits for
        self._to_settle: list[Tried | Unsent] = []
        self._at_once = BATCH
        self._settled = 0  # by the last settlement
        self._something_ended = Event()
        self._closing = False
        self._more_waits = False  # or did, when we last asked
        self.in_flight = 0
        """Claimed, and neither settled nor left to its lease."""

    def claim(self) -> None:
        """Wait for something to do, a few seconds at most, and begin it. Raises StoreAway."""
        if self._closing or self._share.room <= 0:
            self._share.wait(BLOCK_S)
            return
        claimed = self.borrow(self._rooms.deliveries.claim)
        self._more_waits = bool(claimed.claims)
        if not self._more_waits:
            self._rooms.deliveries.wait(BLOCK_S if claimed.wait_s is None else claimed.wait_s)

    def borrow(self, ask: Callable[[int], Claimed]) -> Claimed:
        """`ask` for as many as there is room for, and begin them. Raises what `ask` does."""
        room, begun = self._reserve(), 0
        try:
            began = monotonic()
            claimed = ask(room)
            begun = self._begin_all(claimed, began)
        finally:
            self._share.give(room - begun)
        return claimed

    def _reserve(self) -> int:
        room = 0 if self._closing else max(0, self._share.room)
        self._share.take(room)
        return room

    def settle(self) -> None:
        """Wait for outcomes, a few seconds at most, and write them down. Raises StoreAway: they are kept for the next
        turn.
        """
        self._linger()
        self._conclude_all()
        batch = self._to_settle[: self._at_once]
        if not batch:
            self._something_ended.clear()
            self._something_ended.wait(BLOCK_S)
            return
        try:
            settled = self._settle(batch)
        except Away:
            raise
        except Exception:
            self._single_out(batch)
            raise
        self._at_once, self._settled = min(BATCH, self._at_once * 2), len(batch)
        self._tell(batch, settled)
        self._rooms.health.consider(settled.failing)

    def _linger(self) -> None:
        """Only while there is a load, by the last settlement, and more is on its way."""
        for _ in range(LINGERS):
            ended = len(self._ended)
            if self._settled < ENOUGH // 2 or not 0 < ended < min(ENOUGH, self.in_flight // 2):
                return
            gevent.sleep(LINGER_S)

    def _tell(self, batch: Sequence[Tried | Unsent], settled: Settled) -> None:
        if facts := [one.fact for one in batch if isinstance(one, Tried)]:
            self._report_many(facts)
        if not all(settled.in_time):
            for one, in_time in zip(batch, settled.in_time, strict=True):
                if isinstance(one, Tried) and not in_time:
                    self._report(SettledLate(delivery=one.fact.delivery, webhook=one.fact.webhook))
        if self._rooms.trace is not None or settled.watched:
            self._show([one for one in batch if isinstance(one, Tried)], watched=settled.watched)

    def _show(self, tried: Sequence[Tried], *, watched: bool) -> None:
        if self._rooms.trace is not None:
            self._rooms.trace(map(attempt_span, tried))
        if watched:
            show(self._rooms.outcomes, tried)

    def _settle(self, batch: Sequence[Tried | Unsent]) -> Settled:
        """And, where more waits, borrow and begin as many as there is room for then, in the same round trip."""
        settlements = [one.settlement for one in batch]
        for one in settlements:
            if isinstance(one, Settlement) and one.step is HOLD:  # 410. First: an enabled webhook holds nothing
                self._rooms.health.disable(one.claim.webhook, DisabledReason.GONE)
        if self._closing or not self._more_waits:
            settled = self._rooms.deliveries.settle(settlements)
            self._give_back(batch)
            return settled
        room, begun = self._reserve(), 0
        try:
            began = monotonic()
            settled, claimed = self._rooms.deliveries.settle_and_claim(settlements, room + len(batch))
            self._give_back(batch)
            self._more_waits = bool(claimed.claims)
            begun = self._begin_if_possible(claimed, began)
        finally:
            self._share.give(room - begun)
        return settled

    def _begin_if_possible(self, claimed: Claimed, began: float) -> int:
        """What was settled is settled: the next call tells of the outage, and what was lent is left to its lease."""
        try:
            return self._begin_all(claimed, began)
        except Away:
            return 0

    def _single_out(self, batch: Sequence[Tried | Unsent]) -> None:
        """A record that cannot be settled must not hold up the others: they go one by one, and it is left to its
        lease.
        """
        if len(batch) == 1:
            self._give_back(batch)
        self._at_once = 1

    def stop_claiming(self) -> None:
        """Take nothing more; what is in flight goes on."""
        self._closing = True

    def _begin_all(self, claimed: Claimed, began: float) -> int:
        """Begin each claim, and say how many. What cannot be begun, because Redis is away or the time is up, is left to
        its lease.
        """
        if claimed.version > self._rooms.directory.version:
            self._rooms.directory.refresh(at_least=claimed.version)
        envelopes = self._rooms.journal.envelopes([claim.event_id for claim in claimed.claims])
        if monotonic() - began > GRACE_S / 2:
            return 0  # a lease might end while its POST is still allowed to run
        begun = len(claimed.claims)
        written: list[Written] = []
        for claim, envelope in zip(claimed.claims, envelopes, strict=True):
            try:
                self._write(claim, envelope, into=written)
            except Exception as error:  # noqa: BLE001  # one bad record must not hold up the others
                self._report(_failed(claim, error))
                begun -= 1
        for one in written:  # not before: what a POST wakes takes the caches from who writes the next
            try:
                self._start(one)
            except Exception as error:  # noqa: BLE001  # the same
                self._report(_failed(one[0], error))
                begun -= 1
        self.in_flight += begun
        return begun

    def _write(self, claim: Claim, envelope: Envelope | None, *, into: list[Written]) -> None:
        """What can be sent is put `into` the list, what cannot is given up."""
        rooms = self._rooms
        webhook = rooms.directory.get(claim.webhook)
        if envelope is None or webhook is None:
            self._give_up(claim, Reason.UNREADABLE if envelope else Reason.EXPIRED, "its webhook or its event is gone")
            return
        try:
            now, traced = time(), rooms.trace is not None
            headers, body = write_callback(webhook, envelope, claim, agent=self._options.agent, now=now, traced=traced)
        except RelayError as error:
            self._give_up(claim, Reason.UNREADABLE, str(error))
            return
        timeout_s = min(webhook.timeout_s, claim.lease_s - GRACE_S)
        keep_bytes = REPLY_BYTES if webhook.reply else EXCERPT_BYTES
        if envelope.media is not JSON:
            keep_bytes = ANSWER_BYTES
        request = Request(url=webhook.url, headers=headers, body=body, timeout_s=timeout_s, keep_bytes=keep_bytes)
        into.append((claim, webhook, envelope, request))

    def _start(self, written: Written) -> None:
        claim, webhook, envelope, request = written
        end = self._end if envelope.media is JSON else self._end_awaited
        attempt = Try(claim=claim, webhook=webhook, envelope=envelope, at=time())
        self._rooms.poster.start(request, partial(end, attempt))

    def _end(self, attempt: Try, outcome: Outcome) -> None:
        if not self._ended:
            self._something_ended.set()
        self._ended.append((attempt, outcome))

    def _end_awaited(self, attempt: Try, outcome: Outcome) -> None:
        self._answers.append((attempt, outcome))
        self._end(attempt, outcome)

    def _give_up(self, claim: Claim, reason: Reason, why: str) -> None:
        self._report(DeliveryUnsendable(delivery=claim.id, webhook=claim.webhook, reason=reason, why=why))
        self._to_settle.append(unsent(claim, reason, why=why, at=time()))
        self._something_ended.set()

    def _conclude_all(self) -> None:
        ended, self._ended = self._ended, []
        now = time()
        self._to_settle += [conclude(attempt, outcome, now=now, dice=random()) for attempt, outcome in ended]
        if self._answers:
            answers, self._answers = self._answers, []
            pass_on(self._rooms.notices, answers, now=now)

    def _give_back(self, batch: Sequence[Tried | Unsent]) -> None:
        del self._to_settle[: len(batch)]
        self.in_flight -= len(batch)
        self._share.give(len(batch))


def _failed(claim: Claim, error: Exception) -> LoopFailed:
    """For who has just caught `error`."""
    return LoopFailed(loop=f"claim {claim.id}", error=repr(error), trace=traceback.format_exc())
