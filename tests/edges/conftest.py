"""What tests of the edges share: nothing may hold a descriptor when they are done."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import until


def descriptors() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


@pytest.fixture
def no_descriptor_left() -> Iterator[None]:
    gc.collect()
    before = descriptors()
    yield
    until(lambda: descriptors() <= before, 2, saying="no descriptor is left")
