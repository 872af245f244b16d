"""What something costs, without a clock: how many functions are called for it, Python's and C's."""

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType, FunctionType
from typing import ParamSpec

Given = ParamSpec("Given")


def steps(act: Callable[[], object]) -> int:
    return _calls(act).total()


def calls_of(function: Callable[Given, object], act: Callable[[], object]) -> int:
    """How often `act` comes to `function`, one of ours."""
    assert isinstance(function, FunctionType)
    return _calls(act)[function.__code__]


def _calls(act: Callable[[], object]) -> Counter[object]:
    seen: Counter[object] = Counter()

    def look(frame: FrameType, what: str, function: object) -> None:
        if what == "call":
            seen[frame.f_code] += 1
        elif what == "c_call":
            seen[id(function)] += 1

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        act()
    finally:
        sys.setprofile(before)
    return seen
