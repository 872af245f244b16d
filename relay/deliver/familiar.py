"""Answers that need no parser: an endpoint says nearly the same again and again.

What the parser has once understood of a head, it would understand again. So a short answer that comes in one piece is
looked up by its head and by how many bytes are behind it.
"""

from relay.deliver.answer import Answer, Head

HEADS = 1024
"""How many are remembered; then all are forgotten. An endpoint that says the time has a new one each second."""

SHORT_BYTES = 1024
"""The longest head, and the longest body behind it."""

END = b"\r\n\r\n"


class Familiar:
    """`learn` what was heard, and `recall` it when it is said again."""

    __slots__ = ("_heads",)

    def __init__(self) -> None:
        self._heads: dict[tuple[bytes, int], Head] = {}

    def __repr__(self) -> str:
        return f"<Familiar with {len(self._heads)} heads>"

    def recall(self, said: bytes) -> tuple[Head, bytes] | None:
        """What is understood of `said`, and its body; None if it must be read."""
        begins = said.find(END) + 4
        head = self._heads.get((said[:begins], len(said) - begins))
        return None if head is None else (head, said[begins:])

    def learn(self, said: bytes, answer: Answer) -> None:
        """`answer` was begun, and then fed with `said`, no more and no less."""
        begins = said.find(END) + 4
        size_bytes = len(said) - begins
        if begins <= SHORT_BYTES and size_bytes <= SHORT_BYTES and answer.ends_with(size_bytes):
            if len(self._heads) >= HEADS:
                self._heads.clear()
            self._heads[said[:begins], size_bytes] = answer.head
