"""One WebSocket to a client as the simulator uses it: it speaks JSON, and can be told to fall silent or to drip."""

from gevent.event import Event as Signal

from relay.core import json_text
from relay.http.websocket import WebSocket, WebSocketClosed
from relay.simulator.workspace import Event

PATIENCE_S = 30.0
"""How long we hold everything up for a client that reads too slowly; then it is cut off, as Slack does."""


class Line:
    """`listening`, when cleared, is silence: the socket stays, and nothing is read, answered or sent."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self.listening = websocket.gate = Signal()
        self.listening.set()
        self.busy = False  # something is on its way byte by byte, and no frame may come between

    def __repr__(self) -> str:
        return f"<Line {'speaks' if self.speaks else 'silent'} {self._websocket!r}>"

    @property
    def open(self) -> bool:
        return self._websocket.open

    @property
    def speaks(self) -> bool:
        return self.open and self.listening.is_set() and not self.busy

    def hear(self) -> str | bytes:
        """The next frame; waits for it. Raises WebSocketClosed at the end."""
        while (heard := self._websocket.receive()) is None:
            pass
        return heard

    def say(self, frame: Event) -> None:
        self.say_text(json_text.write(frame).decode())

    def say_text(self, message: str | bytes) -> None:
        """Sends one message. Waits if too much is on its way already; never raises."""
        try:
            while self.speaks and not self._websocket.send(message):
                if not self._websocket.flush(PATIENCE_S):
                    self._websocket.abort()
        except WebSocketClosed:
            pass  # whoever hears on this line is told

    def write(self, raw: bytes) -> None:
        """Puts bytes between two messages, whatever they are; no bytes end our half of the stream."""
        if self.open:
            self._websocket.write(raw)

    def close(self, code: int = 1000, reason: str = "") -> None:
        self._websocket.close(code, reason)

    def reset(self) -> None:
        """The client sees its TCP connection break."""
        self._websocket.abort()
        self.listening.set()
