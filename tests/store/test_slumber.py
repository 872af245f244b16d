"""A shard sleeps until something has come to it."""

from collections.abc import Iterator

import gevent
import pytest

from relay.service.slumber import Slumber
from relay.store.backlogs import Backlogs
from tests.store.filled import Filled
from tests.waiting import until


@pytest.fixture
def turned() -> list[str]:
    """One for each turn of the loop that sleeps with the shard."""
    return []


@pytest.fixture
def slumber(filled: Filled) -> Slumber:
    return Slumber(Backlogs(filled.client), shards=16)


@pytest.fixture
def sleeper(slumber: Slumber, turned: list[str]) -> Iterator["gevent.Greenlet[[], None]"]:
    greenlet = gevent.spawn(slumber.awaited(lambda: turned.append("turned")))
    yield greenlet
    greenlet.kill()


def test_what_comes_here_wakes_it_at_once(
    slumber: Slumber, sleeper: "gevent.Greenlet[[], None]", turned: list[str]
) -> None:
    gevent.idle()
    assert not turned
    slumber.end()
    until(lambda: bool(turned))
    assert sleeper.ready()


def test_what_has_come_by_another_worker_wakes_it_at_the_first_look(
    filled: Filled, slumber: Slumber, turned: list[str]
) -> None:
    filled.append("Ev1")
    slumber.awaited(lambda: turned.append("turned"))()
    assert turned


def test_a_shard_that_is_the_only_one_does_not_sleep(filled: Filled, turned: list[str]) -> None:
    Slumber(Backlogs(filled.client), shards=1).awaited(lambda: turned.append("turned"))()
    assert turned
