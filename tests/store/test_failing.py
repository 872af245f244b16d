"""Which webhooks a settling calls failing."""

from time import time

from relay.core.delivery import Step
from relay.store.deliveries import Settled, Settlement
from tests.store.filled import Filled, webhook
from tests.waiting import until


def _settle_together(filled: Filled, *failed: bool) -> Settled:
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver(*(f"Ev{i}" for i in range(len(failed))))
    return filled.deliveries.settle(
        [
            Settlement(
                claim=claim,
                step=Step.POSTPONE if is_failure else Step.ACCEPT,
                wait_s=500 if is_failure else 0,
                failed=is_failure,
                attempt=b'{"n":1}',
            )
            for claim, is_failure in zip(filled.claim(), failed, strict=True)
        ]
    )


def test_a_success_after_a_failure_in_one_settling_leaves_nothing_to_warn_of(filled: Filled) -> None:
    assert _settle_together(filled, True, False).failing == []


def test_a_failure_after_a_success_in_one_settling_fails_since_now(filled: Filled) -> None:
    failing = _settle_together(filled, False, True).failing
    assert [(one.webhook, one.deliveries) for one in failing] == [("wh_1", 1)]
    assert failing[0].since > 0


def test_a_delivery_that_fails_again_counts_once_and_the_first_failure_is_when_it_began(filled: Filled) -> None:
    filled.webhooks.add(webhook("wh_1"))
    filled.deliver("Ev1")
    (first,) = filled.settle(until(filled.claim)[0], Step.POSTPONE, wait_s=0).failing
    until(lambda: time() > first.since + 0.01)
    (again,) = filled.settle(until(filled.claim)[0], Step.POSTPONE, wait_s=0).failing
    assert (again.deliveries, again.since) == (1, first.since)
