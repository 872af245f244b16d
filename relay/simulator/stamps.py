"""Slack's time stamps: seconds with six digits behind the point, as text, never the same twice, always rising."""

MICROSECONDS = 1_000_000


class Stamps:
    def __init__(self) -> None:
        self._last = 0

    def next(self, now: float) -> str:
        self._last = max(self._last + 1, int(now * MICROSECONDS))
        seconds, rest = divmod(self._last, MICROSECONDS)
        return f"{seconds}.{rest:06d}"
