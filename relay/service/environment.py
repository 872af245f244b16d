"""The connections that the environment names: there from the start, and again if Redis has lost everything."""

from time import time

import gevent

from relay.core.connection import Connection, Kind
from relay.settings import Settings
from relay.store.client import Client
from relay.store.connections import DEFAULT_RTM, DEFAULT_SOCKET_MODE, Connections

ENVIRONMENT = frozenset({DEFAULT_RTM, DEFAULT_SOCKET_MODE})
LOOK_S = 10.0


class Environment:
    """`turn` is a loop's: see relay/loops.py."""

    def __init__(self, connections: Connections, client: Client, settings: Settings) -> None:
        self._connections = connections
        self._client = client
        self._settings = settings
        self._is_there = False

    def turn(self) -> None:
        """Look whether Redis still knows what was told it, and wait. Raises StoreAway."""
        if self._client.forgot() or not self._is_there:
            self._is_there = False
            self._ensure()
            self._is_there = True
        gevent.sleep(LOOK_S)

    def _ensure(self) -> None:
        for token, id, kind, name in (
            (self._settings.bot_token, DEFAULT_RTM, Kind.RTM, "default"),
            (self._settings.app_token, DEFAULT_SOCKET_MODE, Kind.SOCKET_MODE, "default-socket"),
        ):
            if token:
                now = time()
                self._connections.ensure(
                    Connection(id=id, kind=kind, token=token, name=name, created_at=now, updated_at=now)
                )
