"""A receiver that checks everything: each signature, what is missing, what came twice, and how long it took.

Run as a process of its own, `python -m benchmarks.receiver SECRET`; it prints its address. It checks by the words of
the standards, with nothing of the relay's own.

    POST /well/…  answered at once        POST /slow/…  after SLOW_S        POST /dead/…  never
    GET /report   {path: what came there}, and all is forgotten

How long it took is from the frame's own `sent_ns` to here, by the clock that all processes share.
"""

import gevent.monkey

gevent.monkey.patch_all()

# ruff: noqa: E402  the patch comes before everything that it patches
import base64
import hmac
import json
import re
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from time import monotonic_ns

import click
import gevent
from gevent import socket
from gevent.os import tp_read
from gevent.server import StreamServer

SLOW_S = 2.0
FOR_EVER_S = 3600.0
MARKS = re.compile(rb'"number":\s*(\d+),\s*"sent_ns":\s*(\d+)')
HEADER = re.compile(rb"^([\w-]+):[ \t]*(.*?)\r?$", re.MULTILINE)


@dataclass(slots=True)
class Came:
    """What came to one path."""

    verified: int = 0
    refused: int = 0
    numbers: Counter[int] = field(default_factory=Counter)
    ids: Counter[bytes] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)

    def told(self) -> dict[str, object]:
        """`ids_doubled` counts what came again under the same id, `numbers_doubled` what came again at all."""
        return {
            "verified": self.verified,
            "refused": self.refused,
            "events": len(self.numbers),
            "numbers_doubled": sum(self.numbers.values()) - len(self.numbers),
            "ids_doubled": sum(self.ids.values()) - len(self.ids),
            "latencies_ms": self.latencies_ms,
        }


class CheckingReceiver:
    def __init__(self, secret: str) -> None:
        self._slack_key = secret.encode()
        self._standard_key = base64.b64decode(secret.removeprefix("whsec_"))
        self._came: defaultdict[str, Came] = defaultdict(Came)
        self._server = StreamServer(("127.0.0.1", 0), self._serve)

    def run(self) -> None:
        self._server.start()
        click.echo(f"http://127.0.0.1:{self._server.server_port}")
        tp_read(0, 1)  # its parent is gone, or wants it to go

    def _serve(self, stream: socket.socket, _peer: object) -> None:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        rest = b""
        try:
            while (got := _request(stream, rest)) is not None:
                head, body, rest = got
                now_ns = monotonic_ns()
                status, text = self._answer(head, body, now_ns)
                stream.sendall(b"HTTP/1.1 %d Said\r\nContent-Length: %d\r\n\r\n%s" % (status, len(text), text))
        except OSError:
            pass  # who asked is gone

    def _answer(self, head: bytes, body: bytes, now_ns: int) -> tuple[int, bytes]:
        path = head.split(b" ", 2)[1].decode()
        if path == "/report":
            told = {path: came.told() for path, came in self._came.items()}
            self._came.clear()
            return 200, json.dumps(told).encode()
        behaviour = path.split("/")[1]
        if behaviour == "dead":
            gevent.sleep(FOR_EVER_S)
        headers = {name.lower(): value for name, value in HEADER.findall(head)}
        verified = self._verifies(headers, body)
        self._keep(self._came[path], headers, body, now_ns=now_ns, verified=verified)
        if behaviour == "slow":
            gevent.sleep(SLOW_S)
        return (200, b"ok") if verified else (401, b"signature")

    def _keep(self, came: Came, headers: dict[bytes, bytes], body: bytes, *, now_ns: int, verified: bool) -> None:
        if not verified:
            came.refused += 1
            return
        came.verified += 1
        came.ids[headers[b"webhook-id"]] += 1
        if marks := MARKS.search(body):
            number, sent_ns = map(int, marks.groups())
            came.numbers[number] += 1
            came.latencies_ms.append((now_ns - sent_ns) / 1e6)

    def _verifies(self, headers: dict[bytes, bytes], body: bytes) -> bool:
        """Slack's v0, and Standard Webhooks 1.0."""
        try:
            slack = b"v0:" + headers[b"x-slack-request-timestamp"] + b":" + body
            standard = headers[b"webhook-id"] + b"." + headers[b"webhook-timestamp"] + b"." + body
            hers, theirs = headers[b"x-slack-signature"], headers[b"webhook-signature"].split()
        except KeyError:
            return False
        own = b"v0=" + hmac.new(self._slack_key, slack, "sha256").hexdigest().encode()
        mine = b"v1," + base64.b64encode(hmac.digest(self._standard_key, standard, "sha256"))
        return hmac.compare_digest(own, hers) and mine in theirs


def _request(stream: socket.socket, rest: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Head, body, and what came behind; None at the end."""
    while (end := rest.find(b"\r\n\r\n")) < 0:
        more = stream.recv(65536)
        if not more:
            return None
        rest += more
    head, rest = rest[:end], rest[end + 4 :]
    found = re.search(rb"content-length:\s*(\d+)", head, re.IGNORECASE)
    size = int(found[1]) if found else 0
    while len(rest) < size:
        rest += stream.recv(65536)
    return head, rest[:size], rest[size:]


if __name__ == "__main__":
    CheckingReceiver(sys.argv[1]).run()
