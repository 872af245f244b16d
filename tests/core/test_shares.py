"""Who holds which connection, and how it stands by what its holders say."""

from hypothesis import given, strategies as st
from msgspec.structs import replace

from relay.core.connection import ConnectionState, ConnectionStatus
from relay.core.ids import ConnectionId
from relay.core.shares import HOLDERS, holders
from relay.core.standing import standing

CREW = st.frozensets(st.text("0123456789abcdef", min_size=12, max_size=12), min_size=1, max_size=12)
CONNECTIONS = [ConnectionId(f"con_{number}") for number in range(200)]


@given(CREW)
def test_every_connection_has_two_holders_where_there_are_two_workers(crew: frozenset[str]) -> None:
    for connection in CONNECTIONS[:20]:
        held_by = holders(connection, crew)
        assert len(set(held_by)) == min(HOLDERS, len(crew))
        assert set(held_by) <= crew


@given(CREW)
def test_only_what_a_worker_takes_or_leaves_changes_hands(crew: frozenset[str]) -> None:
    newcomer = "a newcomer"
    for connection in CONNECTIONS[:20]:
        before, after = holders(connection, crew), holders(connection, crew | {newcomer})
        assert set(after) - {newcomer} <= set(before)
        if newcomer not in after:
            assert after == before


def test_shares_are_about_even() -> None:
    crew = {f"worker-{number}" for number in range(5)}
    held = [worker for connection in CONNECTIONS for worker in holders(connection, crew)]
    assert all(40 < held.count(worker) < 120 for worker in crew)  # 80 would be exact


CONNECTED = ConnectionState(status=ConnectionStatus.CONNECTED, since=5.0, team="T1")
FAILED = ConnectionState(status=ConnectionStatus.FAILED, since=1.0, error="invalid_auth")


def test_one_socket_that_hears_slack_is_enough() -> None:
    told = standing([FAILED, CONNECTED], offline_s=1.23456, reconnects=3)
    assert told == replace(CONNECTED, offline_s=1.235, reconnects=3)
    assert standing([FAILED], offline_s=0, reconnects=0) == FAILED
    assert standing([], offline_s=0, reconnects=0) is None
