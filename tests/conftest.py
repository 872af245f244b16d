"""The ground that every test stands on: a gevent process as the program's own, and nothing left behind."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.leftovers import alive, fill_the_thread_pool, settle_the_heap
from tests.servers import RedisServer
from tests.waiting import until
from tests.witnesses import installed

settings.register_profile(
    "relay",
    settings(),
    deadline=None,  # a busy machine is no fault
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("relay")

GRACE_S = 5.0
"""What a test has closed or killed may take this long to be gone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: of several processes that run the tests, none shall begin them when the others are done."""
    items.sort(key=lambda test: "whole" not in test.path.parts)


@pytest.fixture(scope="session", autouse=True)
def _threads_are_there() -> None:
    fill_the_thread_pool()


@pytest.fixture(scope="module", autouse=True)
def _known_ground(_threads_are_there: None) -> None:
    settle_the_heap()


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    before = alive()
    yield
    if alive() - before:
        gc.collect()
        until(lambda: not alive() - before, GRACE_S, saying=f"nothing of this was left: {sorted(alive() - before)}")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One private Redis for all tests that don't hurt it. Ask for `redis_url` instead, unless you need the process."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of an empty Redis."""
    redis_server.forget_everything()
    return redis_server.url


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis of the test's own, append-only, for tests that kill, pause, restart or reconfigure it."""
    with RedisServer(append_only=True) as server:
        yield server


@pytest.fixture(scope="session")
def witness() -> Path:
    """The folder of Node scripts (tests/witness) in which Slack's own clients can be required."""
    return installed()
