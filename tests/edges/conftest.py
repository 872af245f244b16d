"""What tests of the edges share: nothing may hold a descriptor when they are done."""

import gc
from collections.abc import Iterator

import pytest

from tests.edges.descriptors import descriptors
from tests.waiting import until


@pytest.fixture
def no_descriptor_left() -> Iterator[None]:
    gc.collect()
    before = descriptors()
    yield
    until(lambda: descriptors() <= before, 2, saying="no descriptor is left")
