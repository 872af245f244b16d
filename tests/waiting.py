"""Waiting for something to come true, with a deadline: the way in which a test waits."""

import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")

FIRST_LOOK_S = 0.001
SLOWEST_LOOK_S = 0.05
PATIENCE_S = 30.0
"""A deadline is for what never comes: a busy machine may be slow."""


def until(predicate: Callable[[], Seen | None], within_s: float = PATIENCE_S, *, saying: str = "it came true") -> Seen:
    """What `predicate` answered when it first answered something true; greenlets run meanwhile.

    Raises AssertionError with `saying` and the last answer when `within_s` seconds have gone by.
    """
    deadline = time.monotonic() + within_s
    look_s = FIRST_LOOK_S
    while not (seen := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within_s:g} s until {saying}; last seen: {seen!r}")
        time.sleep(look_s)  # gevent's sleep: the process is patched
        look_s = min(look_s * 2, SLOWEST_LOOK_S)
    return seen


def let_pass(time_s: float) -> None:
    """Nothing but the passing of time, where just that is what a test is about: what an idle process costs."""
    time.sleep(time_s)
