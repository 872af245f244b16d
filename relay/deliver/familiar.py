"""Answers that need no parser: an endpoint says the same again and again.

What the parser has once understood of some bytes, it would understand of them again. So a short answer that comes in
one piece is looked up as a whole.
"""

from collections.abc import Callable

from relay.deliver.answer import Answer, Heard

ANSWERS = 1024
"""How many are remembered; then all are forgotten. An endpoint that says the time has a new one each second."""

SHORT_BYTES = 2048
"""The longest answer that is remembered; of its body all is kept."""


class Familiar:
    """`learn` what was heard, and `recall` it when it is said again."""

    __slots__ = ("_known", "recall")

    def __init__(self) -> None:
        self._known: dict[bytes, Heard] = {}
        self.recall: Callable[[bytes], Heard | None] = self._known.get
        """What is understood of these bytes; None if they must be read."""

    def __repr__(self) -> str:
        return f"<Familiar with {len(self._known)} answers>"

    def learn(self, said: bytes, answer: Answer) -> None:
        """`answer` was begun, and then fed with `said`, no more and no less, and is whole."""
        if len(said) <= SHORT_BYTES:
            if len(self._known) >= ANSWERS:
                self._known.clear()
            self._known[said] = answer.heard
