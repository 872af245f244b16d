"""The live stream of a relay with several shards."""

from collections.abc import Iterator

import pytest

from relay.store.journal import Journal
from tests.edges.desk import Desk, open_desk
from tests.edges.test_stream import Watcher
from tests.store.filled import envelope


@pytest.fixture
def desk(redis_url: str) -> Iterator[Desk]:
    with open_desk(f"{redis_url}?shards=4") as desk:
        yield desk


def test_what_happens_on_any_shard_is_told(desk: Desk) -> None:
    with Watcher(desk) as watcher:
        for shard in (3, 0, 2):
            Journal(desk.store.client, shard).append([envelope(f"Ev{shard}")])
        assert sorted(watcher.told(3)) == ["Ev0", "Ev2", "Ev3"]


def test_from_any_shard_s_cursor_one_can_go_on_with_all(desk: Desk) -> None:
    journals = [Journal(desk.store.client, shard) for shard in range(4)]
    with Watcher(desk) as watcher:
        journals[2].append([envelope("Ev1")])
        cursor = watcher.frame()["cursor"]
    for name, shard in (("Ev2", 0), ("Ev3", 2), ("Ev4", 3)):
        journals[shard].append([envelope(name)])
    with Watcher(desk, f"cursor={cursor}") as watcher:
        told = watcher.told(4)
        assert sorted(told[:3]) == ["Ev2", "Ev3", "Ev4"]
        assert told[3] == "caught_up"
        journals[1].append([envelope("Ev5")])
        assert watcher.told(1) == ["Ev5"]
