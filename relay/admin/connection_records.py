"""Finding a connection, and changing it without losing what somebody else changed meanwhile."""

from collections.abc import Callable
from functools import partial

from relay.admin.endpoints import Call
from relay.admin.problems import not_found
from relay.admin.versions import revise
from relay.core.connection import Connection
from relay.core.ids import ConnectionId


def find_connection(call: Call, id: str) -> Connection:
    """Raises Problem (404)."""
    connection = call.rooms.connections.get(ConnectionId(id))
    if connection is None:
        raise not_found("connection")
    return connection


def change_connection(call: Call, id: str, decide: Callable[[Connection], Connection]) -> Connection:
    """Keep what `decide` makes of the connection as it stands. Raises Problem: 404, 409, 412 (If-Match)."""

    def keep(stands: Connection) -> Connection:
        return call.rooms.connections.change(decide(stands))

    return revise(call, partial(find_connection, call, id), keep)
