"""Whether a process can do its work: its loops turn, Redis answers, and the connections that ought to be up are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from relay.core.connection import Connection, ConnectionState, ConnectionStatus
from relay.core.ids import ConnectionId

STILL_S = 30.0
"""A loop that is well turns every few seconds; one that has not turned for so long is stuck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at; `why` is a plain sentence where it is not well."""

    name: str
    ok: bool
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    checks: tuple[Check, ...]

    @property
    def ready(self) -> bool:
        return all(check.ok for check in self.checks)


def check_loops(beats: Mapping[str, float], now: float) -> list[Check]:
    """`beats`: when each loop last turned; `now`: by the same clock, seconds."""
    return [
        Check(name=f"loop {name}", ok=now - beat < STILL_S, why=_still(now - beat) if now - beat >= STILL_S else "")
        for name, beat in beats.items()
    ]


def check_connections(wanted: Iterable[Connection], states: Mapping[ConnectionId, ConnectionState]) -> list[Check]:
    """A paused connection is well. One that is being opened is not: the process is not ready before Slack's events
    come.
    """
    return [_check_connection(connection, states.get(connection.id)) for connection in wanted if not connection.paused]


def _check_connection(connection: Connection, state: ConnectionState | None) -> Check:
    name = f"connection {connection.name or connection.id}"
    if state is None:
        return Check(name=name, ok=False, why="no worker has taken it up yet")
    if state.status is ConnectionStatus.CONNECTED:
        return Check(name=name, ok=True)
    words = [f"it is {state.status}", state.error, state.explanation]
    return Check(name=name, ok=False, why=": ".join(word for word in words if word))


def _still(seconds: float) -> str:
    return f"it has not turned for {seconds:.0f} s"
