"""Whether a process can do its work: its loops turn, Redis answers, and the connections that ought to be up are."""

from collections.abc import Container, Iterable, Mapping

from msgspec import Struct

from relay.core.connection import Connection, ConnectionState, ConnectionStatus
from relay.core.ids import ConnectionId

STILL_S = 30.0
"""A loop that is well turns every few seconds; one that has not turned for so long is stuck."""


class Check(Struct, frozen=True, kw_only=True):
    """One thing that was looked at; `why` is a plain sentence where it is not well."""

    name: str
    ok: bool
    why: str = ""
    vital: bool = True  # whether the process can do its work without


class Readiness(Struct, frozen=True, kw_only=True):
    checks: tuple[Check, ...]

    @property
    def ready(self) -> bool:
        return all(check.ok for check in self.checks if check.vital)


def check_loops(beats: Mapping[str, float], now: float) -> list[Check]:
    """`beats`: when each loop last turned; `now`: by the same clock, seconds."""
    return [
        Check(name=f"loop {name}", ok=now - beat < STILL_S, why=_still(now - beat) if now - beat >= STILL_S else "")
        for name, beat in beats.items()
    ]


def check_connections(
    wanted: Iterable[Connection],
    states: Mapping[ConnectionId, ConnectionState],
    *,
    deaf: Container[ConnectionId],
    own: Container[ConnectionId],
) -> list[Check]:
    """A paused connection is well. One that is being opened is not: the process is not ready before Slack's events
    come. `deaf`: those that this very process is to hold and does not hear, whatever was said of them before it
    started. `own`: the environment's; of the others, one that only a person can mend keeps nobody from working.
    """
    checks = []
    for connection in wanted:
        state = states.get(connection.id)
        why = "" if connection.paused else _why(state, deaf=connection.id in deaf)
        failed = state is not None and state.status is ConnectionStatus.FAILED
        vital = connection.id in own or not failed
        checks.append(Check(name=f"connection {connection.name or connection.id}", ok=not why, why=why, vital=vital))
    return checks


def _why(state: ConnectionState | None, *, deaf: bool) -> str:
    if state is None:
        return "no worker has taken it up yet"
    if state.status is ConnectionStatus.CONNECTED:
        return "this process has not opened its socket yet" if deaf else ""
    return ": ".join(word for word in (f"it is {state.status}", state.error, state.explanation) if word)


def _still(seconds: float) -> str:
    return f"it has not turned for {seconds:.0f} s"
