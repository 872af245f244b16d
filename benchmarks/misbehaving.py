"""Receivers that do harm: a process of its own, `python -m benchmarks.misbehaving`; it prints its address.

    POST /silent/…  never answered     POST /drips/…  answered a byte a second     POST /floods/…  answered with 10 GB

A fourth manner, to refuse, needs nobody: a port on which nobody listens.
"""

import gevent.monkey

gevent.monkey.patch_all()

# ruff: noqa: E402  the patch comes before everything that it patches
import click
import gevent
from gevent import socket
from gevent.os import tp_read
from gevent.server import StreamServer

FOR_EVER_S = 3600.0
BYTE_EVERY_S = 1.0
ENDLESS = 10 * 1024**3
BLOCK = b"x" * 65536
DRIPPED = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def serve(stream: socket.socket, _peer: object) -> None:
    try:
        while head := stream.recv(65536):  # a callback of the load fits in, and comes at once
            manner = head.split(b"/", 2)[1].split(b" ")[0]
            MANNERS[manner](stream)
    except OSError:
        pass  # who asked has gone


def be_silent(_: socket.socket) -> None:
    gevent.sleep(FOR_EVER_S)


def drip(stream: socket.socket) -> None:
    for byte in DRIPPED:
        stream.sendall(bytes([byte]))
        gevent.sleep(BYTE_EVERY_S)


def flood(stream: socket.socket) -> None:
    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % ENDLESS)
    for _ in range(ENDLESS // len(BLOCK)):
        stream.sendall(BLOCK)


MANNERS = {b"silent": be_silent, b"drips": drip, b"floods": flood}


def main() -> None:
    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    click.echo(f"http://127.0.0.1:{server.server_port}")
    tp_read(0, 1)  # its parent is gone, or wants it to go


if __name__ == "__main__":
    main()
