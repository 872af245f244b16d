"""A bare TCP client, for saying what no library would say."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, no seconds


@contextmanager
def connected(port: int, *sent: bytes, within_s: float = 10.0) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=within_s) as client:
        for chunk in sent:
            client.sendall(chunk)
        yield client


def everything(client: socket.socket) -> bytes:
    """What the server says until it ends; a reset is an end."""
    said = b""
    try:
        while chunk := client.recv(65536):
            said += chunk
    except ConnectionResetError:
        pass
    return said


def faces(one: socket.socket, client: socket.socket) -> bool:
    """`one` is the other side of the client's connection."""
    try:
        return bool(one.getpeername() == client.getsockname())
    except OSError:  # it is connected to nobody
        return False


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
    client.close()
