"""How a connection stands, from what each of the workers that hold it says about its own socket."""

from collections.abc import Sequence

from msgspec.structs import replace

from relay.core.connection import ConnectionState, ConnectionStatus

BEST_FIRST = (
    ConnectionStatus.CONNECTED,
    ConnectionStatus.RECONNECTING,
    ConnectionStatus.CONNECTING,
    ConnectionStatus.FAILED,
    ConnectionStatus.STOPPED,
)


def standing(views: Sequence[ConnectionState], *, offline_s: float, reconnects: int) -> ConnectionState | None:
    """One socket that hears Slack is enough. None if nobody holds it."""
    if not views:
        return None
    best = min(views, key=lambda view: (BEST_FIRST.index(view.status), view.since))
    return replace(best, offline_s=round(offline_s, 3), reconnects=reconnects)
