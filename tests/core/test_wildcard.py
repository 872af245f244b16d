"""Wildcards: the same answer as a regular expression's, without its cost."""

import re

import pytest
from hypothesis import given, strategies as st

from relay.core.wildcard import read_wildcard

pieces = st.lists(st.text(alphabet="ab", max_size=3), min_size=1, max_size=5)


@given(pieces, st.text(alphabet="ab", max_size=12))
def test_a_wildcard_passes_what_its_regular_expression_matches(literal: list[str], text: str) -> None:
    middle = [piece or "a" for piece in literal[1:-1]]
    joined = [literal[0], *middle, *literal[1:][-1:]]
    expected = re.fullmatch(".*".join(joined), text, re.DOTALL) is not None
    assert read_wildcard("*".join(joined)).passes(text) is expected


@pytest.mark.parametrize(
    ("wildcard", "text", "passes"),
    [
        ("", "", True),
        ("*", "", True),
        ("*", "any\nthing", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        (r"a\*b", "a*b", True),
        (r"a\*b", "axb", False),
        (r"a\\*", r"a\b", True),
    ],
)
def test_stars_backslashes_and_ends(wildcard: str, text: str, passes: bool) -> None:
    assert read_wildcard(wildcard).passes(text) is passes


@pytest.mark.parametrize("wildcard", ["a**b", "**", r"\a", "a\\"])
def test_a_careless_wildcard_is_refused(wildcard: str) -> None:
    with pytest.raises(ValueError, match=r"stars in a row|backslash"):
        read_wildcard(wildcard)


@pytest.mark.timeout(10)
def test_many_stars_over_a_long_text_take_no_time() -> None:
    wildcard = read_wildcard("*a" * 500 + "*b")
    assert not wildcard.passes("a" * 40_000)
