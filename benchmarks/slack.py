"""A Slack that is all load: the least of the Web API that clients ask for, and frames as fast as a socket takes them.

Run as a process of its own, `python -m benchmarks.slack`; it prints the address of its Web API. `relay simulate` is
the Slack to develop against; this one costs a microsecond an event, so that on a machine with two cores the load
leaves the other one to what is measured.

    POST /send  {"events", "first", "rate", "ahead", "fan_out", "counter"}  answers when all were written to the sockets
    GET /sockets                                                            how many are open

`rate`: events a second, 0 for all at once. `ahead`: how many deliveries may be under way, by nginx' count of requests
(`counter`, its address; "" for no bound).
"""

import gevent.monkey

gevent.monkey.patch_all()

# ruff: noqa: E402  the patch comes before everything that it patches
import json
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress
from time import monotonic, monotonic_ns, perf_counter
from wsgiref.types import StartResponse, WSGIEnvironment

import click
import gevent
from gevent import socket
from gevent.os import tp_read
from gevent.pywsgi import WSGIServer
from gevent.server import StreamServer
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from benchmarks.frames import APP, BOT, BOT_USER, TEAM, frame
from benchmarks.nginx import Counter

Answer = Mapping[str, object]

CHUNK_EVENTS = 64
"""Written at once when there is no rate to keep."""
HELLO = b'{"type":"hello"}'
LOOK_S = 0.002


def unmasked(payload: bytes) -> bytes:
    """A text frame of a server (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", 0x81, size) + payload
    if size < 65536:
        return struct.pack("!BBH", 0x81, 126, size) + payload
    return struct.pack("!BBQ", 0x81, 127, size) + payload


class LoadingSlack:
    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._doors = StreamServer(("127.0.0.1", 0), self._serve_socket)
        self._api = WSGIServer(("127.0.0.1", 0), self._serve_api, log=None, error_log=None)

    def run(self) -> None:
        self._doors.start()
        self._api.start()
        click.echo(f"http://127.0.0.1:{self._api.server_port}")
        tp_read(0, 1)  # its parent is gone, or wants it to go

    def _serve_api(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method = environ["PATH_INFO"].rpartition("/")[2]
        body = environ["wsgi.input"].read()
        answer = self._answer(method, body)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]

    def _answer(self, method: str, body: bytes) -> Answer:
        match method:
            case "rtm.connect":
                url = f"ws://127.0.0.1:{self._doors.server_port}/rtm"
                team = {"id": TEAM, "name": "bench", "domain": "bench"}
                return {"ok": True, "url": url, "team": team, "self": {"id": BOT_USER, "name": "bench"}}
            case "auth.test":
                return {"ok": True, "team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT}
            case "bots.info":
                return {"ok": True, "bot": {"id": BOT, "app_id": APP}}
            case "sockets":
                return {"open": len(self._sockets)}
            case "send":
                return self._send(**json.loads(body))
        return {"ok": False, "error": "unknown_method"}

    def _serve_socket(self, stream: socket.socket, _peer: object) -> None:
        protocol = ServerProtocol()
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while received := stream.recv(65536):
                protocol.receive_data(received)
                for event in protocol.events_received():
                    self._react(event, protocol, stream)
                stream.sendall(b"".join(protocol.data_to_send()))
        except OSError:
            pass  # its client was ended
        finally:
            if stream in self._sockets:
                self._sockets.remove(stream)

    def _react(self, event: object, protocol: ServerProtocol, stream: socket.socket) -> None:
        match event:
            case Request():
                protocol.send_response(protocol.accept(event))
                protocol.send_text(HELLO)
                self._sockets.append(stream)
            case Frame(opcode=Opcode.TEXT):
                said = json.loads(bytes(event.data))
                if said.get("type") == "ping":
                    protocol.send_text(json.dumps({"type": "pong", "reply_to": said.get("id")}).encode())

    def _send(self, *, events: int, first: int, rate: float, ahead: int, fan_out: int, counter: str) -> Answer:
        began, looks = perf_counter(), 0
        if rate:
            self._send_at(rate, first, events)
        else:
            looks = self._send_all(range(first, first + events), ahead, fan_out=fan_out, counter=counter)
        return {"sent": events, "seconds": perf_counter() - began, "looks": looks}

    def _send_at(self, rate: float, first: int, events: int) -> None:
        """The rate is kept over the whole time, not from event to event."""
        began = monotonic()
        for number in range(events):
            gevent.sleep(max(0.0, began + number / rate - monotonic()))
            self._tell(unmasked(frame(first + number, monotonic_ns())))

    def _send_all(self, numbers: range, ahead: int, *, fan_out: int, counter: str) -> int:
        """How often nginx was asked."""
        nginx = Counter(counter) if counter else None
        before = nginx.requests() if nginx else 0
        done = sent = 0
        while sent < len(numbers):
            while nginx and (sent * fan_out - done) > ahead:
                gevent.sleep(LOOK_S)
                done = nginx.requests() - before
            chunk = numbers[sent : sent + max(1, min(CHUNK_EVENTS, ahead // fan_out))]
            now_ns = monotonic_ns()
            self._tell(b"".join(unmasked(frame(number, now_ns)) for number in chunk))
            sent += len(chunk)
        return nginx.own if nginx else 0

    def _tell(self, frames: bytes) -> None:
        for stream in tuple(self._sockets):
            with suppress(OSError):  # a script that falls behind may give its socket up: it misses what comes
                stream.sendall(frames)


if __name__ == "__main__":
    LoadingSlack().run()
