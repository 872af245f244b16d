"""docs/filters.md: every example in it is true."""

import json
import re
from pathlib import Path

import pytest

from relay.core.pattern_reading import read_pattern

PAGE = (Path(__file__).parents[2] / "docs" / "filters.md").read_text()


EXAMPLES = re.findall(r"^\| (.+) \| `(\{.+\})` \| `(\{.+\})` \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("name", "passes", "does_not"), EXAMPLES, ids=[name for name, _, _ in EXAMPLES])
def test_an_example_passes_and_its_neighbour_does_not(name: str, passes: str, does_not: str) -> None:
    shown = re.search(r"```json\n(.+)\n```", PAGE)
    assert shown
    event = json.loads(shown[1])
    assert read_pattern(json.loads(passes)).passes(event)
    assert not read_pattern(json.loads(does_not)).passes(event)


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 15
