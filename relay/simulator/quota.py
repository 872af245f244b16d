"""Slack's rate limit on one method: so many calls in a sliding minute, counted by token."""

from collections import defaultdict, deque
from math import ceil

WINDOW_S = 60.0


class Quota:
    """`calls` None: no limit."""

    def __init__(self, calls: int | None) -> None:
        self.calls = calls
        self._made: defaultdict[str, deque[float]] = defaultdict(deque)

    def spend(self, token: str, now: float) -> int | None:
        """None if the call is within the limit; else the whole seconds after which the next one is."""
        if self.calls is None:
            return None
        made = self._made[token]
        while made and made[0] <= now - WINDOW_S:
            made.popleft()
        if len(made) < self.calls:
            made.append(now)
            return None
        return max(1, ceil(made[0] + WINDOW_S - now)) if made else ceil(WINDOW_S)
