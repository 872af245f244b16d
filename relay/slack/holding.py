"""What this worker holds: a keeper for each connection that is its share, and what is done with them.

A share that is lost is given up only after GRACE_S, when its new holder has had the time to connect.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic

from relay.core.connection import Connection
from relay.core.ids import ConnectionId
from relay.core.shares import holders
from relay.slack.keeper import Keeper
from relay.slack.means import Means
from relay.slack.voice import Voice

GRACE_S = 30.0


@dataclass(slots=True, kw_only=True)
class Held:
    keeper: Keeper
    voice: Voice
    lost_at: float | None = None  # since when it is no longer our share


class Holding:
    def __init__(self, means: Means) -> None:
        self._means = means
        self._held: dict[ConnectionId, Held] = {}

    def __repr__(self) -> str:
        return f"<Holding {sorted(self._held)}>"

    def share_out(self, wanted: Mapping[ConnectionId, Connection], crew: frozenset[str]) -> None:
        """Bring what we hold in line with what is wanted, and with who is there."""
        for id in self._held.keys() | wanted.keys():
            connection = wanted.get(id)
            if connection is None or connection.paused:
                self._let_go(id, paused=connection is not None)
            elif self._means.worker in holders(id, crew):
                self._take(connection)
            elif id in self._held and self._held[id].lost_at is None:
                self._held[id].lost_at = monotonic()

    def give_up(self) -> None:
        """End what has not been our share for GRACE_S."""
        now = monotonic()
        for id, held in list(self._held.items()):
            if held.lost_at is not None and now - held.lost_at > GRACE_S:
                self._let_go(id, paused=False)

    def renew(self, id: ConnectionId) -> None:
        if id in self._held:
            self._held[id].keeper.renew()

    def deaf(self) -> frozenset[ConnectionId]:
        """Our share on which we don't hear Slack."""
        return frozenset(id for id, held in self._held.items() if held.lost_at is None and not held.keeper.is_up)

    def heard(self) -> list[ConnectionId]:
        """Those on which we hear Slack."""
        return [id for id, held in self._held.items() if held.keeper.is_up]

    def stop(self) -> None:
        """End everything."""
        for id in list(self._held):
            self._let_go(id, paused=False)

    def voice(self, id: ConnectionId) -> Voice | None:
        held = self._held.get(id)
        return held.voice if held is not None else None

    def _take(self, connection: Connection) -> None:
        held = self._held.get(connection.id)
        if held is not None and _differs(held.keeper.connection, connection):
            self._let_go(connection.id, paused=False)
            held = None
        if held is None:
            keeper = self._means.keeper(connection)
            self._held[connection.id] = Held(keeper=keeper, voice=Voice(keeper, self._means.web))
            keeper.start()
        else:
            held.lost_at = None
            held.keeper.follow(connection)

    def _let_go(self, id: ConnectionId, *, paused: bool) -> None:
        held = self._held.pop(id, None)
        if held is not None:
            held.keeper.stop(paused=paused)


def _differs(held: Connection, wanted: Connection) -> bool:
    """In what a socket is made with."""
    return (held.kind, held.token, held.batch_presence_aware) != (
        wanted.kind,
        wanted.token,
        wanted.batch_presence_aware,
    )
