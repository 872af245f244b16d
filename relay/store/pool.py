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
from redis.exceptions import ConnectionError as NoConnection, MovedError, ResponseError, TimeoutError as NoAnswer

from relay.store.cluster import Cluster, slot_of

Command: TypeAlias = tuple[str | bytes | int | float, ...]

_poll = get_original("select", "poll")

if TYPE_CHECKING:
    _Queue = LifoQueue["AbstractConnection | None"]
else:
    _Queue = LifoQueue  # gevent's takes no parameter when it runs


Exchange = Callable[[Sequence[Command]], list[object]]
"""What each command is answered, an error of its own included; they go out together, and of a cluster to one slot.
Raises redis-py's errors of connections: then any of them may have been done.
"""


def exchange_with(redis: Redis) -> Exchange:
    if isinstance(redis, Cluster):
        return lambda commands: redis.sent(slot_of(commands[0]), lambda node: _not_moved(_exchange(node, commands)))
    return partial(_exchange, redis)


def _exchange(redis: Redis, commands: Sequence[Command]) -> list[object]:
    packed = b"".join([pack_command(command) for command in commands])  # type: ignore[arg-type]  # its stub, see connect.py
    pool = redis.connection_pool
    connection = pool.get_connection()
    try:
        connection.send_packed_command([packed])
        return [_read(connection) for _ in commands]
    finally:
        pool.release(connection)  # disconnected, if it was not read to its end


def _read(connection: AbstractConnection) -> object:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error


def _not_moved(answers: list[object]) -> list[object]:
    """Where the slot has another master nothing was done, and it can be asked."""
    if isinstance(answers[0], MovedError):
        raise answers[0]
    return answers


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
    """redis-py's, in fewer steps."""

    def __init__(self, **asked: object) -> None:
        super().__init__(**asked)  # type: ignore[no-untyped-call]  # redis-py

    def get_connection(self, *_: object, **__: object) -> Connection:
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
        if not self.owns_connection(connection):  # a parent process', or of who was the master
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
    and as many objects to say that there is nothing to read.
    """

    _watched: socket | None = None

    def can_read(self, timeout: float = 0) -> bool:
        sock = self._get_socket()
        return (sock is None or self._is_readable(sock)) and super().can_read(timeout)

    def _is_readable(self, sock: socket) -> bool:
        if sock is not self._watched:
            self._watched, self._poll = sock, _poll()
            self._poll.register(sock, select.POLLIN)
        return bool(self._poll.poll(0))
