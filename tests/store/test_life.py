"""The life of deliveries: whatever happens to them in whatever order, the books are in order after each step, and in
the end nothing is left undone.
"""

from dataclasses import replace

from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from relay.core.delivery import OUTSTANDING, SETTLED, TRANSITIONS, Claim, State, Step
from relay.core.ids import DeliveryId, WebhookId
from relay.core.matching import Match
from relay.core.webhook import Status
from relay.store.client import Client, StoreOptions
from tests.store.audit import audit
from tests.store.filled import Filled, webhook
from tests.waiting import until

FREE, ORDERED = WebhookId("wh_free"), WebhookId("wh_ordered")
WEBHOOKS = (FREE, ORDERED)
CHANNELS = ("C1", "C2")
NO_GRACE_S = -10.0  # a lease that ends in the moment of its beginning: the webhooks' timeout is 10 s


class Life(RuleBasedStateMachine):
    redis_url: str

    @initialize()
    def begin(self) -> None:
        self.client = Client(StoreOptions(url=self.redis_url))
        self.client.redis.flushall()
        self.filled = Filled(self.client)
        self.events = 0
        self.removed: set[WebhookId] = set()
        self.claims: list[Claim] = []
        self.lost: list[Claim] = []
        self.rows: dict[str, list[DeliveryId]] = {channel: [] for channel in CHANNELS}  # of ORDERED, as it may expect
        for name in WEBHOOKS:
            self.filled.webhooks.add(webhook(name, max_in_flight=3))

    def teardown(self) -> None:
        if hasattr(self, "client"):
            self.everything_ends_well()
            self.client.close()

    @rule(channel=st.sampled_from(CHANNELS), count=st.integers(1, 3), to=st.sets(st.sampled_from(WEBHOOKS)))
    def events_come(self, channel: str, count: int, to: set[WebhookId]) -> None:
        names = [f"Ev{self.events + number}" for number in range(count)]
        self.events += count
        self.filled.append(*names, channel=channel)
        matches = [Match(webhook=name, lane=channel if name == ORDERED else "") for name in sorted(to - self.removed)]
        assert self.filled.fan_out(*matches) == "done"
        if ORDERED in to - self.removed:
            self.rows[channel] += self.filled.ids(ORDERED)[-count:]

    @rule(limit=st.integers(1, 8))
    def a_worker_claims(self, limit: int) -> None:
        self.claims += self.expected(self.filled.claim(limit))

    @rule(limit=st.integers(1, 2))
    def a_worker_is_killed_with_what_it_has(self, limit: int) -> None:
        self.lost += self.expected(self.filled.deliveries.claim(limit, grace_s=NO_GRACE_S).claims)

    def expected(self, claims: list[Claim]) -> list[Claim]:
        """Nothing that the ordered webhook's lanes have before these is still on its way."""
        for claim in claims:
            for row in self.rows.values():
                before = row[: row.index(claim.id)] if claim.id in row else []
                assert [id for id in before if self.filled.state(id) in OUTSTANDING] == []
        return claims

    @precondition(lambda self: self.claims)
    @rule(
        which=st.integers(0, 100),
        step=st.sampled_from([Step.ACCEPT, Step.POSTPONE, Step.POSTPONE, Step.GIVE_UP, Step.GIVE_BACK]),
        twice=st.booleans(),
    )
    def a_worker_settles(self, which: int, step: Step, *, twice: bool) -> None:
        claim = self.claims.pop(which % len(self.claims))
        before = len(self.filled.deliveries.attempts.of(claim.id))
        for _ in range(1 + twice):  # the first answer was lost
            assert self.filled.settle(claim, step).in_time == [True]
        assert len(self.filled.deliveries.attempts.of(claim.id)) == before + 1
        if step not in {Step.POSTPONE, Step.GIVE_BACK}:
            self.leaves_its_row(claim.id)

    def leaves_its_row(self, id: DeliveryId) -> None:
        for row in self.rows.values():
            if id in row:
                row.remove(id)

    @precondition(lambda self: self.lost)
    @rule(step=st.sampled_from([Step.ACCEPT, Step.POSTPONE]))
    def a_killed_worker_s_last_words_arrive(self, step: Step) -> None:
        self.a_worker_claims(1)  # which sees the leases that have ended
        assert self.filled.settle(self.lost.pop(), step).in_time == [False]

    @rule(name=st.sampled_from(WEBHOOKS))
    def its_owner_disables_it(self, name: WebhookId) -> None:
        self.change(name, Status.DISABLED)

    @rule(name=st.sampled_from(WEBHOOKS), drain=st.booleans())
    def its_owner_enables_it(self, name: WebhookId, *, drain: bool) -> None:
        self.change(name, Status.ENABLED, drain=drain)

    @precondition(lambda self: not self.removed)
    @rule(name=st.sampled_from(WEBHOOKS), sure=st.integers(0, 9))
    def its_owner_removes_it(self, name: WebhookId, sure: int) -> None:
        if sure == 0:
            self.filled.webhooks.remove(name)
            self.removed.add(name)

    def change(self, name: WebhookId, status: Status, *, drain: bool = False) -> None:
        stands = self.filled.webhooks.get(name)
        if stands is not None:
            self.filled.webhooks.change(replace(stands, status=status), drain=drain)

    @rule(
        name=st.sampled_from(WEBHOOKS),
        which=st.integers(0, 100),
        steps=st.lists(st.sampled_from([Step.CANCEL, Step.REPLAY]), min_size=1, max_size=3),
    )
    def somebody_meddles(self, name: WebhookId, which: int, steps: list[Step]) -> None:
        if ids := self.filled.ids(name):
            for step in steps:
                self.meddle(ids[which % len(ids)], step, gone=name in self.removed)

    def meddle(self, id: DeliveryId, step: Step, *, gone: bool) -> None:
        state = self.filled.state(id)
        done = self.filled.deliveries.redo([id], step)
        if gone:
            assert done == [-3]
            return
        assert done == [int(step in TRANSITIONS[state])]
        if done == [1] and (state is not State.RETRYING or step is Step.CANCEL):
            self.claims = [claim for claim in self.claims if claim.id != id]
            self.leaves_its_row(id)  # who is sent again comes where it was, or at the end

    @invariant()
    def the_books_are_in_order(self) -> None:
        if not hasattr(self, "client"):
            return
        assert audit(self.client.redis) == []
        for name in (None, *(name for name in WEBHOOKS if name not in self.removed)):
            ledger = self.filled.deliveries.ledger(name)
            assert ledger.closes
            assert min(ledger.filtered, ledger.received) >= 0
            assert name is None or ledger.received == self.events
        assert self.filled.deliveries.ledger().events == self.events

    def everything_ends_well(self) -> None:
        """All are enabled, every endpoint takes everything: nothing is left."""
        for name in WEBHOOKS:
            self.change(name, Status.DISABLED)
            self.change(name, Status.ENABLED, drain=True)  # which forgets its failures
        for claim in self.claims:
            self.filled.settle(claim, Step.ACCEPT)
            self.leaves_its_row(claim.id)

        def nothing_left() -> bool:
            for claim in self.expected(self.filled.claim()):
                self.filled.settle(claim, Step.ACCEPT)
                self.leaves_its_row(claim.id)
            ledger = self.filled.deliveries.ledger()
            return (ledger.outstanding, ledger.held) == (0, 0)

        until(nothing_left, saying="everything was delivered")
        assert audit(self.client.redis) == []
        assert all(self.filled.state(id) in SETTLED for name in WEBHOOKS for id in self.filled.ids(name))


def test_whatever_happens_the_books_are_in_order_and_nothing_is_left_undone(redis_url: str) -> None:
    class OnThisRedis(Life):
        pass

    OnThisRedis.redis_url = redis_url
    run_state_machine_as_test(
        OnThisRedis,
        settings=settings(
            phases=(Phase.generate,),
            max_examples=40,
            stateful_step_count=40,
            suppress_health_check=[*HealthCheck],
        ),
    )
