"""Patterns: a webhook's filter, compiled once, asked of each event, and able to say why not.

The language is Amazon EventBridge's. An object asks all of its fields; a list asks for any of its conditions; where
the event has a list, any element will do, and fields below a list of objects must be found in one and the same element.
`$or` takes a list of patterns of which one must pass. A field that is not there passes `{"exists": false}` alone.
Reading a pattern (and refusing a bad one) is `core.pattern_reading`'s.
"""

from collections.abc import Hashable, Iterator
from enum import Enum
from itertools import chain
from typing import TypeAlias

from msgspec import Struct

from relay.core.conditions import Condition, say
from relay.core.lenses import Lens, Look, Scalar
from relay.core.webhook import Json

Path: TypeAlias = tuple[str, ...]
Document: TypeAlias = dict[str, Json]
Probe: TypeAlias = tuple[Path, Lens]
"""A place in a document, and how its values are looked at."""
Offer: TypeAlias = tuple[tuple[Probe, Hashable], ...]
"""Keys of which an event that passes has one at least: by them a pattern is found."""

OR = "$or"
"""The field that is none: a list of alternatives."""


class Absent(Enum):
    """The value of a field that is not there; `null` is there."""

    ABSENT = "absent"


Found: TypeAlias = "Json | Absent"


class Reason(Struct, frozen=True):
    """Why an event does not pass: the field, and a plain sentence."""

    field: str
    message: str


class Leaf(Struct, frozen=True):
    """What is asked of one field: any of the conditions, or that it is (not) there."""

    path: Path
    conditions: tuple[Condition, ...]
    presence: frozenset[bool] = frozenset()

    def passes(self, found: Found) -> bool:
        if (found is not Absent.ABSENT) in self.presence:
            return True
        return any(condition.passes(value) for value in scalars(found) for condition in self.conditions)

    def reasons(self, found: Found) -> Iterator[Reason]:
        if not self.passes(found):
            yield Reason(place(self.path), f"{_seen(found)}; the filter asks for {self}")

    def offers(self) -> Iterator[Offer]:
        """That a value here has one of the conditions' keys, if each has some."""
        known = [condition.keys() or () for condition in self.conditions]
        if not self.presence and all(known):
            path = tuple(name for name in self.path if name != OR)
            yield tuple(dict.fromkeys(((path, lens), key) for lens, key in chain.from_iterable(known)))

    def __str__(self) -> str:
        words = {True: "any value", False: "none at all"}
        return " or ".join([*map(str, self.conditions), *(words[there] for there in sorted(self.presence))])


class Pattern(Struct, frozen=True):
    """What is asked of one object: every field, and one of each group of alternatives."""

    path: Path
    fields: tuple[tuple[str, "Leaf | Pattern"], ...]
    groups: tuple[tuple["Pattern", ...], ...] = ()

    def passes(self, found: Found) -> bool:
        return any(self._passes(each) for each in _objects(found))

    def reasons(self, found: Found) -> Iterator[Reason]:
        """Why not, field by field; of a list of objects, for its first."""
        each = _objects(found)[0]
        if self.passes(found):
            return
        for name, asked in self.fields:
            yield from asked.reasons(each.get(name, Absent.ABSENT))
        for group in self.groups:
            if not any(alternative.passes(each) for alternative in group):
                yield Reason(f"{place(self.path)}.{OR}".lstrip("."), f"none of its {len(group)} alternatives passes")
                for alternative in group:
                    yield from alternative.reasons(each)

    def offers(self) -> Iterator[Offer]:
        """Each is a necessity: an event that passes has one of its keys."""
        for _, asked in self.fields:
            yield from asked.offers()
        for group in self.groups:
            each = [min(alternative.offers(), key=cost, default=()) for alternative in group]
            if all(each):
                yield tuple(dict.fromkeys(chain.from_iterable(each)))

    def _passes(self, each: Document) -> bool:
        return all(asked.passes(each.get(name, Absent.ABSENT)) for name, asked in self.fields) and all(
            any(alternative.passes(each) for alternative in group) for group in self.groups
        )


def cost(offer: Offer) -> tuple[int, int]:
    """Of being found by it, to compare: how it is looked for, and under how many keys."""
    paths = {path for (path, _), _ in offer}
    looks = [lens.look for (_, lens), _ in offer]
    return max(looks) if len(paths) == 1 else max(Look.PIECE, *looks), len(offer)


def explain(pattern: Pattern, document: Document) -> tuple[Reason, ...]:
    """Why `document` does not pass `pattern`; empty if it does."""
    return tuple(pattern.reasons(document))


def values_at(path: Path, document: Document) -> tuple[Scalar, ...]:
    """Every value at `path`, through any lists on the way: never fewer than a leaf there would look at."""
    here: list[Found] = [document]
    for name in path:
        here = [each[name] for found in here for each in _objects(found) if name in each]
    return tuple(value for found in here for value in scalars(found))


def scalars(found: Found) -> Iterator[Scalar]:
    """The plain values of a field: itself, or those in its list however nested; an object is none."""
    waiting = [found]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting.extend(each)
        elif not isinstance(each, dict | Absent):
            yield each


def place(path: Path) -> str:
    """Where in an event `path` leads; alternatives are no place of their own."""
    return ".".join(name for name in path if name != OR)


_NOTHING: Document = {}


def _objects(found: Found) -> list[Document]:
    """The objects that fields are looked for in: itself, those of a list, or else one without fields."""
    if isinstance(found, dict):
        return [found]
    if isinstance(found, list):
        return [each for each in found if isinstance(each, dict)] or [_NOTHING]
    return [_NOTHING]


def _seen(found: Found) -> str:
    if isinstance(found, Absent):
        return "is not there"
    if isinstance(found, dict):
        return "is an object"
    if isinstance(found, list):
        return f"is a list of {len(found)}"
    return f"is {say(found)}"
