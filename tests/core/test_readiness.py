"""Whether a process can do its work: its loops turn, and the connections that ought to be up are."""

import pytest

from relay.core.connection import Connection, ConnectionState, ConnectionStatus, Kind
from relay.core.ids import ConnectionId
from relay.core.readiness import STILL_S, Check, Readiness, check_connections, check_loops

ID = ConnectionId("con_1")
UP = ConnectionState(status=ConnectionStatus.CONNECTED, since=0.0)
OPENING = ConnectionState(status=ConnectionStatus.CONNECTING, since=0.0)
FAILED = ConnectionState(
    status=ConnectionStatus.FAILED, since=0.0, error="invalid_auth", explanation="Slack does not know this token."
)


@pytest.mark.parametrize(("still_s", "ok"), [(0.0, True), (STILL_S - 0.1, True), (STILL_S, False), (100.0, False)])
def test_a_loop_that_has_not_turned_for_half_a_minute_is_stuck_and_says_so(still_s: float, *, ok: bool) -> None:
    (check,) = check_loops({"claim": 1000.0}, 1000.0 + still_s)
    assert check.ok is ok
    assert check.why == ("" if ok else f"it has not turned for {still_s:.0f} s")


def checked(
    state: ConnectionState | None, *, paused: bool = False, deaf: bool = False, own: bool = True
) -> tuple[bool, str, bool]:
    """Whether it is well, why not, and whether it matters."""
    wanted = [Connection(id=ID, kind=Kind.RTM, token="xoxb-1", name="acme", paused=paused)]
    states = {} if state is None else {ID: state}
    (check,) = check_connections(wanted, states, deaf={ID} if deaf else (), own={ID} if own else ())
    assert check.name == "connection acme"
    return check.ok, check.why, check.vital


def test_a_connection_is_well_when_it_is_heard_here_or_wants_nothing() -> None:
    assert checked(UP) == (True, "", True)
    assert checked(UP, deaf=True) == (False, "this process has not opened its socket yet", True)
    assert checked(None) == (False, "no worker has taken it up yet", True)
    assert checked(OPENING) == (False, "it is connecting", True)
    assert checked(None, paused=True) == (True, "", True)
    assert checked(UP, paused=True, deaf=True) == (True, "", True)


def test_of_those_that_only_a_person_can_mend_the_environment_s_own_alone_matter() -> None:
    why = "it is failed: invalid_auth: Slack does not know this token."
    assert checked(FAILED) == (False, why, True)
    assert checked(FAILED, own=False) == (False, why, False)
    assert checked(OPENING, own=False) == (False, "it is connecting", True)


def test_a_process_is_ready_when_all_that_matters_is_well() -> None:
    well, ill = Check(name="redis", ok=True), Check(name="loop", ok=False)
    minor = Check(name="connection", ok=False, vital=False)
    assert Readiness(checks=(well, minor)).ready
    assert not Readiness(checks=(well, ill)).ready
