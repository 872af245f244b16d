"""One WebSocket to a client as the simulator uses it: it speaks JSON, and can be told to fall silent or to drip."""

import gevent
from gevent.event import Event as Signal

from relay.core import json_text
from relay.http.websocket import WebSocket, WebSocketClosed
from relay.simulator.workspace import Event

PATIENCE_S = 30.0
"""How long we hold everything up for a client that reads too slowly; then it is cut off, as Slack does."""

DRIP_S = 0.05
"""Between two bytes of a frame that drips."""


class Line:
    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._listening = websocket.gate = Signal()
        self._listening.set()
        self._drips = False

    @property
    def open(self) -> bool:
        return self._websocket.open

    @property
    def speaks(self) -> bool:
        """It is neither silent nor dripping."""
        return self._listening.is_set() and not self._drips

    def hear(self) -> str | bytes:
        """The next frame; waits for it. Raises WebSocketClosed at the end."""
        while (heard := self._websocket.receive()) is None:
            pass
        return heard

    def say(self, frame: Event) -> None:
        self.say_text(json_text.write(frame).decode())

    def say_text(self, text: str) -> None:
        """Sends one frame. Waits if too much is on its way already; never raises."""
        if not self.speaks:
            return
        try:
            while not self._websocket.send(text):
                if not self._websocket.flush(PATIENCE_S):
                    self._websocket.abort()
        except WebSocketClosed:
            pass  # whoever hears on this line is told

    def say_raw(self, raw: bytes) -> None:
        """Puts bytes between two frames, whatever they are."""
        if self.open and self.speaks:
            self._websocket.write(raw)

    def fall_silent(self) -> None:
        """The socket stays open; nothing is read, answered or sent any more."""
        self._listening.clear()

    def drip(self, raw: bytes) -> None:
        """Sends `raw` byte by byte, and nothing else meanwhile. Waits until the last."""
        self._drips = True
        try:
            for number in range(len(raw)):
                if not self.open:
                    return
                self._websocket.write(raw[number : number + 1])
                gevent.sleep(DRIP_S)
        finally:
            self._drips = False

    def speak_again(self) -> None:
        self._listening.set()

    def half_close(self) -> None:
        """We say that we are done, and the socket stays."""
        self._websocket.write(b"")

    def close(self, code: int = 1000, reason: str = "") -> None:
        self._websocket.close(code, reason)

    def reset(self) -> None:
        self._websocket.abort()
        self._listening.set()
