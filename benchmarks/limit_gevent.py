"""A bare gevent socket loop: greenlets that write a request in one go and read until its answer is whole."""

import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import gevent
from gevent import socket
from gevent.ssl import SSLContext

from benchmarks.limit import IN_FLIGHT

Signed = Iterator[tuple[list[str], bytes]]


def post_all(posts: Signed, url: str, ca_file: str | None) -> int:
    """How many were answered with 200."""
    place = urlsplit(url)
    context = None
    if place.scheme == "https":
        context = SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(ca_file)
    address = (str(place.hostname), int(place.port or 0))
    greenlets = [gevent.spawn(_post, posts, address, context) for _ in range(IN_FLIGHT)]
    return sum(greenlet.get() for greenlet in greenlets)


def _post(posts: Signed, address: tuple[str, int], context: SSLContext | None) -> int:
    host, port = address
    stream = socket.create_connection(address)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context is not None:
        stream = context.wrap_socket(stream, server_hostname=host)
    first = f"POST /hook HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: */*\r\n"
    done = 0
    for lines, body in posts:
        head = f"{first}Content-Length: {len(body)}\r\n" + "\r\n".join(lines) + "\r\n\r\n"
        stream.sendall(head.encode() + body)
        done += _answer(stream) == b"HTTP/1.1 200"
    stream.close()
    return done


def _answer(stream: socket.socket) -> bytes:
    """Its status, once all of it has been read."""
    answer = stream.recv(65536)
    while (end := answer.find(b"\r\n\r\n")) < 0:
        answer += stream.recv(65536)
    at = answer.lower().find(b"content-length:", 0, end)
    size = int(answer[at + 15 : answer.find(b"\r", at)])
    while len(answer) < end + 4 + size:
        answer += stream.recv(65536)
    return answer[:12]
