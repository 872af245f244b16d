"""A change of a webhook holds for the very next event, whichever worker takes it up."""

import pytest

from relay.fanout import FanOut
from relay.store.directory import Directory
from tests.store.filled import Filled, webhook


def bring(filled: Filled, worker: FanOut, event: str) -> None:
    """`event` comes, and `worker` makes deliveries of it, after it has been told what it does not know yet."""
    filled.append(event)
    for _ in range(5):  # behind, because another did the last one; stale; then it is done
        if not filled.journal.oldest(f"({filled.journal.cursor()}", "+", 1):
            return
        worker.turn()
    raise AssertionError(f"{event} was not fanned out")


@pytest.mark.parametrize("who", range(3))
def test_each_worker_sees_a_change_by_the_next_event(filled: Filled, who: int) -> None:
    workers = [FanOut(filled.journal, Directory(filled.webhooks), lambda _: None) for _ in range(3)]
    for number, worker in enumerate(workers):
        bring(filled, worker, f"Ev{number}")  # now each knows all that there is
    made = filled.webhooks.add(webhook("wh_1"))
    bring(filled, workers[who], "Ev_made")
    assert len(filled.ids("wh_1")) == 1
    elsewhere = filled.webhooks.change(webhook("wh_1", channels=("C9",), version=made.version))
    bring(filled, workers[who], "Ev_changed")
    assert len(filled.ids("wh_1")) == 1
    filled.webhooks.change(webhook("wh_1", version=elsewhere.version))
    bring(filled, workers[who - 1], "Ev_back")
    assert len(filled.ids("wh_1")) == 2
    filled.webhooks.remove(made.id)
    before = filled.ids("wh_1")
    bring(filled, workers[who], "Ev_removed")
    assert filled.ids("wh_1") == before
