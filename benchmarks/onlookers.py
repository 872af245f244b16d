"""Watchers of the live stream: so many WebSockets that take in all they are told, and do nothing with it.

Run as a process of its own, `python -m benchmarks.onlookers URL COUNT TOKEN`; it prints a line when all are there,
and for each line that it is sent one with what came since: the bytes to all together, and how many watchers were told
that something was left out for them. Reading is all it does, so that it costs the machine little.
"""

import os
import selectors
import socket
import sys
from urllib.parse import urlsplit

import click

from relay.cli.running import allow_many_files

CHUNK_BYTES = 1 << 18
HANDSHAKE = (
    "GET /v1/stream HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
DROPPED = b'"type":"dropped"'


def opened(host: str, token: str) -> socket.socket:
    """Through the handshake and the frame of welcome."""
    name, _, port = host.partition(":")
    watcher = socket.create_connection((name, int(port)), timeout=30)
    watcher.sendall(HANDSHAKE.format(host=host, token=token).encode())
    came = b""
    while b'"hello"' not in came:
        received = watcher.recv(CHUNK_BYTES)
        if not received:
            raise SystemExit(f"no stream: {came.decode()}")
        came += received
    watcher.setblocking(False)
    return watcher


@click.command()
@click.argument("url")
@click.argument("count", type=int)
@click.argument("token")
def main(url: str, count: int, token: str) -> None:
    """Watch until stdin ends."""
    allow_many_files()
    selector = selectors.DefaultSelector()
    for _ in range(count):
        selector.register(opened(urlsplit(url).netloc, token), selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    click.echo("all are there")
    came = left_out = 0
    while True:
        for key, _ in selector.select():
            if isinstance(key.fileobj, socket.socket):
                received = key.fileobj.recv(CHUNK_BYTES)
                came += len(received)
                left_out += DROPPED in received
            elif os.read(0, 1024):
                click.echo(f"{came} {left_out}")
                came = left_out = 0
            else:
                return


if __name__ == "__main__":
    main()
