"""A client of `/v1/stream` that never goes deaf: a connection that says nothing is asked, one that does not answer is
given up, and the next one goes on where it ended.

A laptop that slept, or changed its network, has a connection that looks alive for a quarter of an hour; here it is
noticed within twice SILENCE_S.
"""

import json
import random
from collections.abc import Callable, Iterator
from time import monotonic
from urllib.parse import urlencode

import gevent
from msgspec import Struct

from relay.cli.client import ApiError
from relay.core.webhook import Json
from relay.slack.dial import Dialer
from relay.slack.options import SlackOptions
from relay.slack.wire import NotOpened, Wire, WireLost

SILENCE_S = 4.0
"""Before we ask whether anybody is there; and what who is there may take to say so."""
LONGEST_WAIT_S = 5.0
FIRST_WAIT_S = 0.5
OPEN_S = 10.0
REFUSALS = frozenset({400, 401, 403, 404, 422})
"""Answers to the handshake that waiting does not heal."""


class Frame(Struct, frozen=True, kw_only=True):
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
    def __init__(
        self,
        address: str,
        token: str,
        query: dict[str, str],
        *,
        say: Callable[[str], None],
        silence_s: float = SILENCE_S,
    ) -> None:
        """`address`: the relay's, http or https. `say`: told of every gap, in a sentence."""
        self._url = "ws" + address.rstrip("/").removeprefix("http") + "/v1/stream"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._query = query
        self._say = say
        self._dialer = Dialer(SlackOptions(api_url=address))  # a relay in the clear streams in the clear
        self._cursor = ""
        self._silence_s = silence_s
        self._is_back = False

    def frames(self) -> Iterator[Frame]:
        """Events and outcomes, until the caller has had enough. Raises ApiError if the relay refuses us for good."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                for frame in self._connection():
                    wait_s = FIRST_WAIT_S
                    yield frame
            except NotOpened as refused:
                if refused.status in REFUSALS:
                    raise ApiError(_refusal(refused)) from None
                self._say(f"{refused}; trying again.")
            except WireLost as lost:
                self._say(f"The stream ended: {lost}; trying again.")
            self._is_back = True
            gevent.sleep(wait_s * random.uniform(0.5, 1.0))
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    def _connection(self) -> Iterator[Frame]:
        """What one connection brings. Raises NotOpened, WireLost."""
        query = self._query | ({"cursor": self._cursor} if self._cursor else {})
        url = self._url + (f"?{urlencode(query)}" if query else "")
        wire = Wire.open(url, self._dialer, within_s=OPEN_S, headers=self._headers)
        try:
            while True:
                for text in self._hear(wire):
                    frame = Frame(fields=json.loads(text), text=text.decode())
                    if self._is_for_the_caller(frame):
                        yield frame
        finally:
            wire.close()

    def _hear(self, wire: Wire) -> list[bytes]:
        """What comes next. Raises WireLost for one that is silent, and does not answer either. However long the
        caller was busy with the last frame: what came meanwhile is read before anybody is called dead.
        """
        until, asked = monotonic() + self._silence_s, False
        while True:
            left_s = until - monotonic()
            received = wire.receive(max(0.0, left_s))
            if received.any:
                return received.texts
            if left_s <= 0.0:
                if asked:
                    raise WireLost(f"it has said nothing for {2 * self._silence_s:g} s")
                wire.ping(b"")
                until, asked = monotonic() + self._silence_s, True

    def _is_for_the_caller(self, frame: Frame) -> bool:
        """Take note of what the frame says about the stream itself."""
        self._cursor = str(frame.fields.get("cursor") or self._cursor)
        match frame.kind:
            case "hello" if self._is_back:
                self._is_back = False
                self._say("Watching again, from where it ended.")
            case "dropped":
                self._say(f"{frame.fields.get('frames')} frames were dropped: this terminal is too slow.")
            case "caught_up" if frame.fields.get("missing"):
                self._say("More had happened meanwhile than the relay tells again.")
            case "event" | "outcome":
                return True
        return False


def _refusal(refused: NotOpened) -> str:
    try:
        problem = json.loads(refused.body)
        return f"{problem['title']}: {problem['detail']}"
    except (ValueError, KeyError):
        return str(refused)
