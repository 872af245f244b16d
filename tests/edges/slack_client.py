"""A small client of Slack, for asking the simulator what it does."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import Self

from websockets.exceptions import ConnectionClosed

from relay.core.webhook import Json
from relay.simulator.options import APP_TOKEN, BOT_TOKEN
from tests.edges.websocket_client import WebSocketClient
from tests.waiting import PATIENCE_S

Frame = dict[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    header: Message
    body: bytes

    @property
    def json(self) -> Frame:
        read = json.loads(self.body)
        assert isinstance(read, dict)
        return read

    @property
    def error(self) -> Json:
        return self.json.get("error")


def ask(url: str, *, body: bytes | None = None, header: dict[str, str] | None = None, verb: str = "") -> Answer:
    """One HTTP request; an answer is an answer, whatever its status."""
    verb = verb or ("GET" if body is None else "POST")
    request = urllib.request.Request(url, data=body, headers=header or {}, method=verb)  # noqa: S310  # the simulator's own address
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  # the same
            return Answer(status=response.status, header=response.headers, body=response.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return Answer(status=refused.code, header=refused.headers, body=refused.read())


def call(api_url: str, method: str, token: str = BOT_TOKEN, **arguments: str) -> Answer:
    """As most clients call it: POST, form, token in the header."""
    body = urllib.parse.urlencode(arguments).encode()
    return ask(api_url + method, body=body, header={"Authorization": f"Bearer {token}"})


def tell(api_url: str, order: str, **said: Json) -> Answer:
    """One call of the remote control."""
    control = api_url.removesuffix("api/") + "control/" + order
    return ask(control, body=json.dumps(said).encode(), header={"Content-Type": "application/json"})


class Socket:
    """A WebSocket of RTM or Socket Mode, read frame by frame."""

    def __init__(self, url: str) -> None:
        self.bare = WebSocketClient(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.bare.close()

    def say(self, **frame: Json) -> None:
        self.bare.send(json.dumps(frame))

    def next(self, within_s: float = PATIENCE_S) -> Frame:
        frame = json.loads(self.bare.recv(timeout=within_s))
        assert isinstance(frame, dict)
        return frame

    def await_type(self, kind: str) -> Frame:
        """The next frame of this type; others are passed over."""
        return self.await_key("type", kind)

    def await_key(self, key: str, value: Json) -> Frame:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            frame = self.next()
            if frame.get(key) == value:
                return frame
        raise AssertionError(f"no frame with {key} = {value!r} came")

    def is_silent(self, for_s: float) -> bool:
        """Nothing comes for so long."""
        try:
            self.bare.recv(timeout=for_s)
        except TimeoutError:
            return True
        return False

    def end(self) -> ConnectionClosed:
        """How it ends, after whatever still comes."""
        try:
            while True:
                self.bare.recv(timeout=PATIENCE_S)
        except ConnectionClosed as ended:
            return ended


def open_rtm(api_url: str, token: str = BOT_TOKEN, **arguments: str) -> Socket:
    return Socket(str(call(api_url, "rtm.connect", token, **arguments).json["url"]))


def open_socket_mode(api_url: str, **arguments: str) -> Socket:
    return Socket(str(call(api_url, "apps.connections.open", APP_TOKEN, **arguments).json["url"]))
