"""A Slack that does exactly what a test says, byte by byte: for faults that no well-built server has.

Web API calls are answered by `answers[method]`; each WebSocket is given to `talk`, in a greenlet of its own.
"""

import json
import re
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import gevent
from gevent import socket
from gevent.lock import RLock
from gevent.pool import Pool
from gevent.server import StreamServer
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

Json = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    body: bytes | Json = b""
    status: int = 200
    headers: tuple[str, ...] = ()
    wait_s: float = 0.0

    def text(self) -> bytes:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        head = [f"HTTP/1.1 {self.status} Whatever", f"Content-Length: {len(body)}", "Connection: close", *self.headers]
        return "\r\n".join([*head, "", ""]).encode() + body


class Socket:
    """The server's side of one WebSocket."""

    def __init__(self, stream: socket.socket, protocol: ServerProtocol) -> None:
        self.stream = stream
        self.protocol = protocol
        self.heard: list[Json] = []
        self.answer: Callable[[Json], Json | None] = lambda _: None
        self.over = False
        self._turn = RLock()

    def say(self, frame: object) -> None:
        """A text frame: JSON, or bytes as they are."""
        self.protocol.send_text(frame if isinstance(frame, bytes) else json.dumps(frame).encode())
        self.flush()

    def flush(self) -> None:
        with self._turn:  # a pong may be due while a large frame is on its way
            self.stream.sendall(b"".join(self.protocol.data_to_send()))

    def listen(self, *, answer_pings: bool = True) -> None:
        """Until the client leaves; its frames are kept in `heard`."""
        while more := self.stream.recv(65536):
            self.protocol.receive_data(more)
            for frame in self.protocol.events_received():
                if isinstance(frame, Frame) and frame.opcode is Opcode.TEXT:
                    heard = json.loads(bytes(frame.data))
                    self.heard.append(heard)
                    if (answer := self.answer(heard)) is not None:
                        self.say(answer)
                    if answer_pings and heard.get("type") == "ping":
                        self.say({**heard, "type": "pong", "reply_to": heard["id"]})
            self.flush()


def hello_and_listen(socket: Socket) -> None:
    socket.say({"type": "hello"})
    socket.listen()


@dataclass(slots=True, kw_only=True)
class ScriptedSlack:
    """`with ScriptedSlack() as slack: … slack.api_url`."""

    talk: Callable[[Socket], None] = hello_and_listen
    answers: dict[str, list[Answer]] = field(default_factory=dict)  # the last one is given again and again
    calls: Counter[str] = field(default_factory=Counter)
    requests: list[bytes] = field(default_factory=list)
    sockets: list[Socket] = field(default_factory=list)
    refuse_upgrade: int = 0  # an HTTP status
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"  # the name under which it goes
    _server: StreamServer | None = None
    _talks: Pool = field(default_factory=Pool)

    def __enter__(self) -> Self:
        self._server = StreamServer(("127.0.0.1", 0), self._accept, spawn=self._talks)
        self._server.start()
        self.answers = {
            "auth.test": [Answer(body={"ok": True, "bot_id": "B1", "user_id": "UBOT", "team_id": "T1"})],
            "bots.info": [Answer(body={"ok": True, "bot": {"id": "B1", "app_id": "A1"}})],
            "rtm.connect": [Answer(body=self.ticket())],
            "users.conversations": [Answer(body={"ok": True, "channels": []})],
            "conversations.info": [Answer(body={"ok": False, "error": "missing_scope", "needed": "channels:read"})],
            **self.answers,
        }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self.sockets:
            each.stream.close()
        if self._server is not None:
            self._server.stop(timeout=0)
        self._talks.kill()

    @property
    def address(self) -> str:
        assert self._server is not None
        return f"{self.host}:{self._server.server_port}"

    @property
    def api_url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.address}/api/"

    def ticket(self) -> Json:
        known = {"team": {"id": "T1", "name": "Acme", "domain": "acme"}, "self": {"id": "UBOT", "name": "relay"}}
        return {"ok": True, "url": f"{'wss' if self.tls else 'ws'}://{self.address}/socket?ticket=1", **known}

    def _accept(self, stream: socket.socket, _address: object) -> None:
        try:
            self._serve(self.tls.wrap_socket(stream, server_side=True) if self.tls else stream)
        except OSError:
            stream.close()  # the client left, or did not like our certificate

    def _serve(self, stream: socket.socket) -> None:
        try:
            if not (request := _read_request(stream)):
                return
            self.requests.append(request)
            if request.startswith(b"GET /socket"):
                self._upgrade(stream, request)
            else:
                self._answer(stream, request)
        except OSError:
            pass  # the client left
        finally:
            stream.close()
            for each in self.sockets:
                each.over = each.over or each.stream is stream

    def _answer(self, stream: socket.socket, request: bytes) -> None:
        method = request.split(b" ", 2)[1].decode().rpartition("/")[2]
        answers = self.answers[method]
        answer = answers[min(self.calls[method], len(answers) - 1)]
        self.calls[method] += 1
        gevent.sleep(answer.wait_s)
        stream.sendall(answer.text())

    def _upgrade(self, stream: socket.socket, request: bytes) -> None:
        if self.refuse_upgrade:
            stream.sendall(Answer(status=self.refuse_upgrade).text())
            return
        protocol = ServerProtocol(max_size=None)
        protocol.receive_data(request)
        [event] = protocol.events_received()
        assert isinstance(event, Request)
        protocol.send_response(protocol.accept(event))
        stream.sendall(b"".join(protocol.data_to_send()))
        each = Socket(stream, protocol)
        self.sockets.append(each)
        self.talk(each)


def _read_request(stream: socket.socket) -> bytes:
    """Head and body; b"" if the client leaves before."""
    request = b""
    while True:
        head, end, body = request.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if end and len(body) >= int(length[1] if length else 0):
            return request
        if not (more := stream.recv(65536)):
            return b""
        request += more
