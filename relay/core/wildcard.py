"""Text with stars in it: `deploy-*-done`. Matched piece by piece from the left, so it never backtracks.

A star stands for any characters, none included. `\\*` is a star and `\\\\` a backslash. Two stars in a row say
nothing that one doesn't, and are refused, as EventBridge refuses them.
"""

import re

from msgspec import Struct

_SIGN = re.compile(r"\\[*\\]|[^\\]", re.DOTALL)


class Wildcard(Struct, frozen=True):
    """The literal pieces between the stars; a single piece has no star. Made by `read_wildcard`."""

    pieces: tuple[str, ...]

    def passes(self, text: str) -> bool:
        first, *rest = self.pieces
        if not rest:
            return text == first
        *middle, last = rest
        if not text.startswith(first) or not text.endswith(last):
            return False
        at, end = len(first), len(text) - len(last)
        for piece in middle:  # the leftmost place leaves the most room for the others
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return at <= end


def read_wildcard(text: str) -> Wildcard:
    """Raises ValueError, with a sentence, for two stars in a row or a backslash before anything else."""
    pieces = [""]
    starred = False
    for sign in _signs(text):
        if sign == "*":
            if starred:
                raise ValueError("two stars in a row")
            pieces.append("")
        else:
            pieces[-1] += sign[-1]
        starred = sign == "*"
    return Wildcard(tuple(pieces))


def _signs(text: str) -> list[str]:
    signs = _SIGN.findall(text)
    if sum(map(len, signs)) != len(text):
        raise ValueError("a backslash stands only before a star or another backslash")
    return signs
