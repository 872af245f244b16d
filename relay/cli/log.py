"""Facts as lines: text for people on a terminal, one JSON object a line for a log drain.

A line's `fact` is the record's name in words, the rest are its fields; what is absent or empty is left out.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from select import PIPE_BUF
from typing import TextIO

import msgspec

from relay.report import Fact, Level

WARNING = Level.WARNING


class Report:
    """Writes facts of at least `level` to `out`, as JSON or as text.

    `later` calls what it is given before the process waits again: what is told until then is written in one go.
    Warnings and worse are written at once.
    """

    __slots__ = ("_later", "_level", "_lines", "_out", "_write")

    def __init__(
        self,
        out: TextIO = sys.stderr,
        *,
        as_json: bool = False,
        level: Level = Level.INFO,
        later: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        self._out = out
        self._write = _json if as_json else _text
        self._level = level
        self._later = later
        self._lines: list[bytes] = []

    def __call__(self, fact: Fact) -> None:
        self.together((fact,))

    def together(self, facts: Sequence[Fact]) -> None:
        """At least one, and all of one kind."""
        level = facts[0].level
        if level < self._level:
            return
        is_first = not self._lines
        self._lines.append(self._write(time.time(), facts))
        if self._later is None or level >= WARNING:
            self.flush()
        elif is_first:
            self._later(self.flush)

    def flush(self) -> None:
        """Write what waits."""
        lines, self._lines = self._lines, []
        for text in _taken_whole(b"".join(lines)):
            self._out.write(text)
            self._out.flush()


def _taken_whole(lines: bytes) -> Iterator[str]:
    """The lines in texts that a pipe takes whole: the workers of a crew share one, and must not tear each other's
    lines. (One that is longer than PIPE_BUF by itself may be.)
    """
    at = 0
    while at < len(lines):
        end = lines.rfind(b"\n", at, at + PIPE_BUF) + 1 or lines.index(b"\n", at + PIPE_BUF) + 1
        yield lines[at:end].decode()
        at = end


Value = str | int | float | bool | None

_encode_lines = msgspec.json.Encoder().encode_lines


def _json(now: float, facts: Sequence[Fact]) -> bytes:
    try:
        lines = _encode_lines(facts)
    except UnicodeEncodeError:  # half a surrogate pair, out of a foreign error's text
        if len(facts) > 1:
            return b"".join([_json(now, (fact,)) for fact in facts])
        lines = json.dumps(_known(facts[0]), default=str).encode() + b"\n"
    head = f'{{"at":"{_iso(int(now * 1000))}",{_head(type(facts[0]))},'.encode()
    lines = head + lines[1:].replace(b"\n{", b"\n" + head)  # JSON breaks no line within
    return lines.replace(b",}\n", b"}\n")  # where there is nothing behind the head


def _text(now: float, facts: Sequence[Fact]) -> bytes:
    level = facts[0].level
    mark = "" if level <= Level.INFO else f" {level.name}"
    head = f"{time.strftime('%H:%M:%S', time.localtime(now))}{mark} {_words(type(facts[0]))} "
    told = [" ".join(f"{name}={_quoted(value)}" for name, value in _known(fact).items()) for fact in facts]
    return "".join([f"{head}{fields}\n" for fields in told]).encode()


def _known(fact: Fact) -> dict[str, Value]:
    """Its fields, without those that are absent or empty."""
    known = {name: getattr(fact, name) for name in fact.__struct_fields__}
    return {name: value for name, value in known.items() if value is not None and value != ""}


@cache
def _head(kind: type[Fact]) -> str:
    return f'"level":"{kind.level.name.lower()}","fact":"{_words(kind)}"'


@cache
def _words(kind: type[Fact]) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in kind.__name__).lstrip("_")


def _quoted(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    text = str(value)
    is_plain = text.isprintable() and not any(sign in text for sign in ' "=')  # what is not might command a terminal
    return text if text and is_plain else json.dumps(text)


@lru_cache(maxsize=1)
def _iso(now_ms: int) -> str:
    seconds, rest_ms = divmod(now_ms, 1000)
    return f"{_second(seconds)}.{rest_ms:03d}Z"


@lru_cache(maxsize=1)
def _second(now: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
