"""Faults that wait for their turn: what the next calls of a method, or the next upgrades, get instead of an answer."""

from collections import defaultdict, deque

from gevent.event import Event as Signal
from msgspec import Struct

UPGRADE = "websocket"
"""In the place of a method's name: the upgrade of a WebSocket."""

EVERY = "*"
"""In the place of a method's name: whichever is called next."""

LONGEST_HANG_S = 600.0


class Fault(Struct, frozen=True, kw_only=True):
    """One wrong answer. `error`: Slack's envelope with that word; else `body`, as it is."""

    status: int = 200
    error: str = ""
    body: str = ""
    content_type: str = "text/html"
    retry_after_s: int | None = None
    hangs: bool = False  # no answer at all, until the client leaves or `Faults.release`


def error(word: str) -> Fault:
    return Fault(error=word)


def rate_limited(retry_after_s: int) -> Fault:
    return Fault(status=429, error="ratelimited", retry_after_s=retry_after_s)


def html(status: int) -> Fault:
    """As Slack's front servers answer when what is behind them is away."""
    return Fault(status=status, body="<!DOCTYPE html><html><body><h1>Server Error</h1></body></html>")


def plain(status: int, text: str, *, retry_after_s: int | None = None) -> Fault:
    return Fault(status=status, body=text, content_type="text/plain", retry_after_s=retry_after_s)


def hang() -> Fault:
    return Fault(hangs=True)


class Faults:
    def __init__(self) -> None:
        self._planned: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._released = Signal()
        self.hanging = 0  # calls without an answer, at this moment

    def plan(self, method: str, fault: Fault, *, times: int = 1) -> None:
        """The next `times` calls of `method` (or of EVERY, or UPGRADE) get `fault`."""
        self._planned[method].extend([fault] * times)

    def take(self, method: str) -> Fault | None:
        """What this call gets instead of its answer, if anything is planned. Waits out a hang."""
        for name in (method, EVERY) if method != UPGRADE else (method,):
            if self._planned[name]:
                fault = self._planned[name].popleft()
                if fault.hangs:
                    self._hang()
                return fault
        return None

    def _hang(self) -> None:
        self.hanging += 1
        try:
            self._released.wait(LONGEST_HANG_S)
        finally:
            self.hanging -= 1

    def clear(self) -> None:
        self._planned.clear()
        self.release()

    def release(self) -> None:
        """Ends all hangs."""
        self._released.set()
        self._released.clear()
