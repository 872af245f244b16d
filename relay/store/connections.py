"""Connections: what their owners asked for. The API and the settings write these records, workers follow them."""

import json
from dataclasses import asdict, replace
from operator import attrgetter

from relay.core.connection import Connection, Kind
from relay.core.ids import ConnectionId
from relay.store.client import GLOBAL, Client, Script
from relay.store.errors import Conflict, NotFound, translated
from relay.store.keys import Keys
from relay.store.records import understood, write_record
from relay.store.reply import integer, maybe_bytes, pairs
from relay.store.vault import Vault

DEFAULT_RTM = ConnectionId("con_default")
DEFAULT_SOCKET_MODE = ConnectionId("con_default_socket")
"""The connections that the environment makes. Their ids are fixed, so that all processes that start at once make the
same one."""


class Connections:
    __slots__ = ("_client", "_keys", "_save", "_vault")

    def __init__(self, client: Client, vault: Vault) -> None:
        self._client = client
        self._keys = Keys(GLOBAL)
        self._vault = vault
        self._save = Script("save_connection", shard=False)

    def get(self, id: ConnectionId) -> Connection | None:
        """Raises StoreAway."""
        with translated():
            record = maybe_bytes(self._client.redis.hget(self._keys("connections"), id))
        return self._read(id, record) if record else None

    def all(self) -> list[Connection]:
        """In the order of their making. Raises StoreAway."""
        with translated():
            records = pairs(self._client.redis.hgetall(self._keys("connections")))
        connections = [self._read(ConnectionId(id.decode()), record) for id, record in records.items()]
        return sorted(connections, key=attrgetter("created_at", "id"))

    def page(self, after: ConnectionId | None, limit: int) -> list[Connection]:
        """At most `limit`, in the order of their making, behind `after` (None: from the start). Raises StoreAway."""
        connections = self.all()
        places = [place for place, connection in enumerate(connections, 1) if connection.id == after]
        start = places[0] if places else 0
        return connections[start : start + limit]

    def add(self, connection: Connection) -> Connection:
        """Keep a new one; answers with it and its version. Raises Conflict if its id is taken, StoreAway."""
        return self._write(connection, expected="0")

    def change(self, connection: Connection) -> Connection:
        """Keep `connection` in place of the record that it was made from (its `version`). Raises Conflict,
        StoreAway."""
        return self._write(connection, expected=str(connection.version))

    def ensure(self, connection: Connection) -> Connection:
        """Let it be there with this token; what else its owner changed meanwhile stays. Raises StoreAway."""
        while True:
            stands = self.get(connection.id)
            if stands is not None and (stands.token, stands.kind) == (connection.token, connection.kind):
                return stands
            try:
                if stands is None:
                    return self.add(connection)
                return self.change(
                    replace(stands, token=connection.token, kind=connection.kind, updated_at=connection.updated_at)
                )
            except Conflict:  # another process starts at the same moment
                continue

    def remove(self, id: ConnectionId) -> None:
        """Raises NotFound, StoreAway."""
        with translated():
            if not self._client.redis.hexists(self._keys("connections"), id):
                raise NotFound(f"there is no connection {id}")
        self._client.run(self._save, GLOBAL, (id, "", ""))

    def _write(self, connection: Connection, *, expected: str) -> Connection:
        secrets = {"token": connection.token, "bot_token": connection.bot_token}
        record = asdict(connection) | {name: self._vault.seal(secret) for name, secret in secrets.items() if secret}
        for name in ("id", "version"):
            del record[name]
        version = integer(self._client.run(self._save, GLOBAL, (connection.id, expected, write_record(record))))
        if version < 0:
            raise Conflict(f"the connection {connection.id} was changed by somebody else meanwhile")
        return replace(connection, version=version)

    def _read(self, id: ConnectionId, record: bytes) -> Connection:
        version, _, text = record.partition(b" ")
        fields = understood(json.loads(text), Connection)
        fields["kind"] = Kind(fields["kind"])
        for name in ("token", "bot_token"):
            if fields.get(name):
                fields[name] = self._vault.open(fields[name])
        fields["presence_sub"] = tuple(fields["presence_sub"])
        return Connection(id=id, version=int(version), **fields)
