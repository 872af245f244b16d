"""What a process has under way, and how its shards share it."""

from hypothesis import given, strategies as st

from relay.deliver.in_flight import InFlight


def test_one_shard_has_all() -> None:
    share = InFlight(256).share()
    assert share.room == 256
    share.take(256)
    assert share.room == 0
    share.give(1)
    assert share.room == 1


def test_a_shard_of_slow_endpoints_leaves_the_others_half() -> None:
    whole = InFlight(256, shards=4)
    greedy, *others = [whole.share() for _ in range(4)]
    greedy.take(greedy.room)
    assert greedy.count == 160
    assert [other.room for other in others] == [32, 32, 32]


@given(
    st.integers(1, 300), st.integers(1, 20), st.lists(st.tuples(st.integers(0, 19), st.booleans(), st.integers(1, 99)))
)
def test_never_more_than_all_and_every_shard_has_its_part(
    most: int, shards: int, steps: list[tuple[int, bool, int]]
) -> None:
    whole = InFlight(most, shards=shards)
    shares = [whole.share() for _ in range(shards)]
    for place, takes, count in steps:
        share = shares[place % shards]
        if takes:
            share.take(min(count, share.room))
        else:
            share.give(min(count, share.count))
        assert sum(one.count for one in shares) <= most
        assert all(one.count + one.room >= most // (2 * shards) for one in shares)
