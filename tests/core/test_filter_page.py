"""docs/filters.md: every example in it is true."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay.core.pattern_reading import read_pattern

PAGE = (Path(__file__).parents[2] / "docs" / "filters.md").read_text()


def examples() -> Iterator[tuple[str, str, str]]:
    for line in PAGE.splitlines():
        if row := re.fullmatch(r"\| (.+) \| `(\{.+\})` \| `(\{.+\})` \|", line):
            yield row[1], row[2], row[3]


@pytest.mark.parametrize(("name", "passes", "does_not"), examples(), ids=[name for name, _, _ in examples()])
def test_an_example_passes_and_its_neighbour_does_not(name: str, passes: str, does_not: str) -> None:
    shown = re.search(r"```json\n(.+)\n```", PAGE)
    assert shown
    event = json.loads(shown[1])
    assert read_pattern(json.loads(passes)).passes(event)
    assert not read_pattern(json.loads(does_not)).passes(event)


def test_the_page_has_examples() -> None:
    assert len(list(examples())) >= 15
