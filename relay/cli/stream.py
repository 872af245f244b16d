"""A client of `/v1/stream` that never goes deaf: what says nothing for longer than its heartbeat is given up, and
the next one goes on where it ended.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import gevent
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from relay.cli.client import ApiError
from relay.core.webhook import Json

PATIENCE = 2.5
"""Heartbeats that may fail to come."""
FIRST_HEARTBEAT_S = 15.0
LONGEST_WAIT_S = 15.0
FRAME_BYTES = 512 * 1024
REFUSALS = frozenset({400, 401, 403, 404, 422})
"""Answers to the handshake that waiting does not heal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame: what it says, and as it came."""

    fields: dict[str, Json]
    text: str

    @property
    def kind(self) -> str:
        return str(self.fields.get("type"))

    def part(self, name: str) -> dict[str, Json]:
        """The object in a field; {} if there is none."""
        value = self.fields.get(name)
        return value if isinstance(value, dict) else {}


class Stream:
    def __init__(self, address: str, token: str, query: dict[str, str], *, say: Callable[[str], None]) -> None:
        """`address`: the relay's, http or https. `say`: told of every gap, in a sentence."""
        self._url = "ws" + address.rstrip("/").removeprefix("http") + "/v1/stream"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._query = query
        self._say = say
        self._cursor = ""
        self._patience_s = PATIENCE * FIRST_HEARTBEAT_S

    def frames(self) -> Iterator[Frame]:
        """Events and outcomes, until the caller has had enough. Raises ApiError if the relay refuses us for good."""
        wait_s = 0.5
        while True:
            why = "it was closed"
            try:
                with self._connected() as websocket:
                    for frame in self._heard(websocket):
                        wait_s = 0.5
                        yield frame
            except InvalidStatus as error:
                if error.response.status_code in REFUSALS:
                    raise ApiError(_refusal(error)) from None
                why = f"the relay answered with the status {error.response.status_code}"
            except TimeoutError:
                why = f"nothing came for {self._patience_s:.0f} s"
            except (OSError, ConnectionClosed, InvalidHandshake) as error:
                why = str(error) or type(error).__name__
            self._say(f"The stream ended ({why}); trying again.")
            gevent.sleep(wait_s * random.uniform(0.5, 1.0))
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    def _connected(self) -> ClientConnection:
        query = self._query | ({"cursor": self._cursor} if self._cursor else {})
        url = self._url + (f"?{urlencode(query)}" if query else "")
        return connect(
            url, additional_headers=self._headers, max_size=FRAME_BYTES, open_timeout=10, close_timeout=1, legacy=True
        )

    def _heard(self, websocket: ClientConnection) -> Iterator[Frame]:
        while True:
            text = websocket.recv(timeout=self._patience_s)
            frame = Frame(fields=json.loads(text), text=text if isinstance(text, str) else text.decode())
            self._cursor = str(frame.fields.get("cursor") or self._cursor)
            match frame.kind:
                case "hello":
                    self._patience_s = PATIENCE * float(str(frame.fields.get("heartbeat_seconds", FIRST_HEARTBEAT_S)))
                case "dropped":
                    self._say(f"{frame.fields.get('frames')} frames were dropped: this terminal is too slow.")
                case "caught_up" if frame.fields.get("missing"):
                    self._say("More had happened meanwhile than the relay tells again.")
                case "event" | "outcome":
                    yield frame


def _refusal(error: InvalidStatus) -> str:
    try:
        problem = json.loads(error.response.body or b"{}")
        return f"{problem['title']}: {problem['detail']}"
    except (ValueError, KeyError):
        return f"the relay answered with the status {error.response.status_code}"
