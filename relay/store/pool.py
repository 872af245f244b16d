"""Kept connections to one Redis, and an exchange over one of them.

redis-py's own way for a command counts connections for nobody, retries what must not be repeated, and takes five times
as many steps as it takes to write and to read.
"""

import select
from collections.abc import Callable, Sequence
from functools import partial
from socket import socket
from typing import TYPE_CHECKING, TypeAlias

from gevent.monkey import get_original
from gevent.queue import Empty, LifoQueue
from hiredis import pack_command
from redis import BlockingConnectionPool, Redis
from redis.connection import AbstractConnection, Connection
from redis.exceptions import ConnectionError as NoConnection, TimeoutError as NoAnswer

from relay.store.cluster import Cluster, slot_of

Command: TypeAlias = tuple[str | bytes | int | float, ...]

_poll = get_original("select", "poll")

if TYPE_CHECKING:
    _Queue = LifoQueue["AbstractConnection | None"]
else:
    _Queue = LifoQueue  # gevent's takes no parameter when it runs


Exchange = Callable[[Command], object]
"""What a command is answered. Raises redis-py's errors; those of connections: then it may have been done."""


def exchange_with(redis: Redis) -> Exchange:
    if isinstance(redis, Cluster):
        return lambda command: redis.sent(slot_of(command), lambda node: _exchange(node, command))
    return partial(_exchange, redis)


def _exchange(redis: Redis, command: Command) -> object:
    packed = pack_command(command)  # type: ignore[arg-type]  # its stub, see connect.py
    pool = redis.connection_pool
    connection = pool.get_connection()
    try:
        connection.send_packed_command([packed])
        return connection.read_response()
    finally:
        pool.release(connection)  # disconnected, if it was not read to its end


class Line(_Queue):
    """A pool's connections that nobody uses, and the line of those who wait for one.

    Who has waited and is handed one that its last user lost need not wait for the same silence again: neither it nor
    those behind it. Whoever comes next finds it there, and tries.
    """

    def get(self, block: bool = True, timeout: float | None = None) -> AbstractConnection | None:  # noqa: FBT001, FBT002  # queue's
        try:
            return super().get(block=False)
        except Empty:
            connection = super().get(block, timeout)
        if connection is not None and not connection.is_connected:
            self.put_nowait(connection)
            raise Empty
        return connection


class Pool(BlockingConnectionPool):
    """redis-py's, in fewer steps; and once it is closed it opens nothing any more."""

    def __init__(self, **asked: object) -> None:
        self._is_closed = False
        super().__init__(**asked)  # type: ignore[no-untyped-call]  # redis-py

    def close(self) -> None:
        """Ends all connections; that of somebody who is opening one just now, when it is given back."""
        self._is_closed = True
        self.disconnect()

    def get_connection(self, *_: object, **__: object) -> Connection:
        if self._is_closed:
            raise NoConnection("The pool is closed.")
        self._checkpid()
        try:
            kept = self.pool.get(timeout=self.timeout)
        except Empty:
            raise NoConnection("No connection available.") from None
        connection: Connection = kept or self.make_connection()  # type: ignore[no-untyped-call]  # redis-py
        try:
            if connection.is_connected and _is_spent(connection):
                connection.disconnect()
            if not connection.is_connected:
                connection.connect()
        except BaseException:
            self.release(connection)
            raise
        return connection

    def release(self, connection: Connection) -> None:  # type: ignore[override]  # such as it makes
        self._checkpid()
        if self._is_closed or not self.owns_connection(connection):  # a parent process', or of who was the master
            connection.disconnect()
            self.pool.put_nowait(None)
            return
        if connection.should_reconnect():
            connection.disconnect()
        self.pool.put_nowait(connection)


def _is_spent(connection: AbstractConnection) -> bool:
    """Whether there is something to read where nothing was asked: its end, mostly."""
    try:
        return connection.can_read()
    except (NoConnection, NoAnswer, OSError):
        return True


class Brisk(AbstractConnection):
    """Whether a kept connection still stands is asked before each command, and gevent's poll takes three system calls
    and as many objects to say that there is nothing to read. And before gevent's `sendall` tries, it makes a timer.
    """

    _watched: socket | None = None

    def can_read(self, timeout: float = 0) -> bool:
        sock = self._get_socket()
        return (sock is None or self._is_readable(sock)) and super().can_read(timeout)

    def send_packed_command(self, command: Sequence[bytes], check_health: bool = True) -> None:  # noqa: FBT001, FBT002  # redis-py's
        sock, (packed, *more) = self._get_socket(), command
        try:
            sent = sock.send(packed) if sock else 0
        except OSError as error:
            self.disconnect()  # type: ignore[no-untyped-call]  # redis-py
            if isinstance(error, TimeoutError):
                raise NoAnswer("Timeout writing to socket") from None
            raise NoConnection(f"Error while writing to socket: {error}") from None
        if more or sent < len(packed):
            super().send_packed_command([packed[sent:], *more], check_health)  # type: ignore[no-untyped-call]  # redis-py

    def _is_readable(self, sock: socket) -> bool:
        if sock is not self._watched:
            self._watched, self._poll = sock, _poll()
            self._poll.register(sock, select.POLLIN)
        return bool(self._poll.poll(0))
