"""A store on an empty Redis, and short ways to fill it."""

from collections.abc import Iterator

import pytest

from relay.store.client import Client, StoreOptions
from tests.store.filled import Filled


@pytest.fixture
def filled(redis_url: str) -> Iterator[Filled]:
    client = Client(StoreOptions(url=redis_url))
    yield Filled(client)
    client.close()
