"""Ranges of numbers, and those of them that hold a number, at a cost that grows with the answer.

An interval tree (Edelsbrunner 1980) over the doubles in their order, as 64-bit numbers: every node stands for all that
begin with the same bits, and keeps the ranges that hold its middle. A number lies in one node of each level; left of
the middle, those ranges hold it that begin before it, right of it those that end after it. A node is there only as long
as it keeps something.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from struct import pack
from typing import TypeAlias

from relay.core.lenses import Number

Range: TypeAlias = tuple[int, int]
"""The ordinals of its first and its last number."""


@dataclass(slots=True)
class _Node:
    by_first: list[Range] = field(default_factory=list)
    by_last: list[Range] = field(default_factory=list)  # turned round: the last before the first


class Ranges:
    def __init__(self) -> None:
        self._levels: dict[int, dict[int, _Node]] = {}

    def __repr__(self) -> str:
        return f"<Ranges at {sum(map(len, self._levels.values()))} nodes>"

    def add(self, range_: Range) -> None:
        """One that is not there yet."""
        first, last = range_
        level = (first ^ last).bit_length()
        node = self._levels.setdefault(level, {}).setdefault(first >> level, _Node())
        insort(node.by_first, (first, last))
        insort(node.by_last, (last, first))

    def remove(self, range_: Range) -> None:
        first, last = range_
        level = (first ^ last).bit_length()
        nodes = self._levels[level]
        node = nodes[first >> level]
        del node.by_first[bisect_left(node.by_first, (first, last))]
        del node.by_last[bisect_left(node.by_last, (last, first))]
        if not node.by_first:
            del nodes[first >> level]
        if not nodes:
            del self._levels[level]

    def holding(self, ordinal: int) -> Iterator[Range]:
        for level, nodes in self._levels.items():
            node = nodes.get(ordinal >> level)
            if node is None:
                continue
            if level and not ordinal >> (level - 1) & 1:  # left of the middle
                yield from node.by_first[: bisect_left(node.by_first, (ordinal + 1,))]
            else:
                yield from ((first, last) for last, first in node.by_last[bisect_left(node.by_last, (ordinal,)) :])


def ordinal_of(number: Number) -> int:
    """The place of the nearest double in the order of all: IEEE 754's bits, those of the negative ones turned round."""
    try:
        double = float(number) + 0.0  # which makes 0.0 of -0.0
    except OverflowError:
        double = inf if number > 0 else -inf
    bits = int.from_bytes(pack(">d", double), "big")
    return bits ^ _ALL if bits & _SIGN else bits | _SIGN


_SIGN = 1 << 63
_ALL = (1 << 64) - 1
