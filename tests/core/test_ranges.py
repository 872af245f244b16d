"""Ranges: those found are those that hold the number, whatever came and went before."""

from hypothesis import given, strategies as st

from relay.core.ranges import Range, Ranges, ordinal_of

numbers = st.integers() | st.floats(allow_nan=False) | st.sampled_from([-(10**400), 10**400, -0.0, 0])
ordinals = st.integers(0, 20) | numbers.map(ordinal_of)
ranges = st.tuples(ordinals, ordinals).map(lambda ends: (min(ends), max(ends)))


@given(numbers, numbers)
def test_numbers_keep_their_order(one: float, other: float) -> None:
    """Those that are too near to each other for doubles may become the same."""
    if one <= other:
        assert ordinal_of(one) <= ordinal_of(other)
    assert 0 <= ordinal_of(one) < 2**64


def test_zero_has_no_sign() -> None:
    assert ordinal_of(-0.0) == ordinal_of(0)


@given(st.sets(ranges), st.sets(ranges), st.lists(ordinals, min_size=1))
def test_a_number_is_found_in_the_ranges_that_hold_it(kept: set[Range], gone: set[Range], asked: list[int]) -> None:
    tree = Ranges()
    for each in kept | gone:
        tree.add(each)
    for each in gone - kept:
        tree.remove(each)
    for ordinal in asked:
        assert sorted(tree.holding(ordinal)) == sorted(each for each in kept if each[0] <= ordinal <= each[1])


@given(st.sets(ranges))
def test_a_tree_of_nothing_keeps_nothing(gone: set[Range]) -> None:
    tree = Ranges()
    for each in gone:
        tree.add(each)
    for each in gone:
        tree.remove(each)
    assert repr(tree) == "<Ranges at 0 nodes>"
