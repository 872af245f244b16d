"""Is the other end alive? Asked from the moment of connecting, answered by any frame, never by the absence of events.

A ping goes out every PING_EVERY_S. A peer that lives answers it, so silence of DEAD_AFTER_S means a dead one, however
healthy the TCP connection looks. Precedents: Node asks after 6 s and waits 4; Python asks every 5 and waits 20;
slack-go waits 120; Java never asks (slack-wire.md, 2.2). A thousand sockets that ask every 5 s cost about 2 % of a
core.

The answers carry a second fact. A socket keeps order, so a frame that comes behind the answer to a ping was sent
after that ping: `proven_at` bounds from below when a frame can have left Slack, and the bound holds across any stall.
"""

from dataclasses import dataclass, field
from enum import Enum, auto

PING_EVERY_S = 6.0
DEAD_AFTER_S = 13.0
"""Two pings unanswered, and a second: whoever looks when `due_at` says so knows it within 15 s."""


class Beat(Enum):
    FINE = auto()
    PING = auto()
    DEAD = auto()


@dataclass(slots=True, kw_only=True)
class Pulse:
    """All times are seconds of one steady clock."""

    heard_at: float  # the last frame; at first, when the socket opened
    proven_at: float  # what comes now was sent after this; at first, when we asked for the socket
    _asked: dict[int, float] = field(default_factory=dict)
    _asked_at: float = float("-inf")

    @property
    def due_at(self) -> float:
        """When to call `beat` next."""
        return min(self._asked_at + PING_EVERY_S, self.heard_at + DEAD_AFTER_S)

    def beat(self, now: float) -> Beat:
        if now >= self.heard_at + DEAD_AFTER_S:
            return Beat.DEAD
        return Beat.PING if now >= self._asked_at + PING_EVERY_S else Beat.FINE

    def asked(self, number: int, now: float) -> None:
        """Ping `number` goes out now."""
        self._asked[number] = self._asked_at = now

    def heard(self, now: float) -> None:
        """A frame came, any frame."""
        self.heard_at = now

    def answered(self, number: int) -> None:
        """Ping `number` was answered, and with it all that were sent before."""
        if number in self._asked:
            self.proven_at = max(self.proven_at, self._asked[number])
            self._asked = {later: at for later, at in self._asked.items() if later > number}
