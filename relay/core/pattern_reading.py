"""Reading patterns: from the JSON of a webhook's `filter` to a `Pattern`, or a sentence on what is wrong where.

Bounded in depth, in conditions and in characters, so that no filter can cost much; every condition itself is linear.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from relay.core.conditions import (
    COMPARISONS,
    AnythingBut,
    Condition,
    Ends,
    Fits,
    Folded,
    Inside,
    OneOf,
    Starts,
    Within,
)
from relay.core.errors import RelayError
from relay.core.lenses import Number, Scalar, identity
from relay.core.patterns import OR, Leaf, Path, Pattern
from relay.core.webhook import Json
from relay.core.wildcard import read_wildcard

# Precedent: EventBridge allows 4,096 characters in all and a depth of 30 (its quotas page); 1,024 a value is ours.
PATTERN_DEPTH = 16
PATTERN_CONDITIONS = 512
PATTERN_CHARS = 8192

_WORDS = "prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, exists or cidr"


class InvalidPattern(RelayError):
    """A filter that cannot be read; `path` is the dotted path of the place."""

    def __init__(self, path: Path, sentence: str) -> None:
        super().__init__(sentence)
        self.path = ".".join(path)


def read_pattern(raw: Mapping[str, Json]) -> Pattern:
    """The filter `raw`, compiled. Raises InvalidPattern."""
    return _Reader().pattern(dict(raw), ())


@dataclass(slots=True)
class _Reader:
    """One reading: what it has used up of the bounds."""

    conditions: int = 0
    chars: int = 0

    def pattern(self, raw: Json, path: Path) -> Pattern:
        if not isinstance(raw, dict):
            raise InvalidPattern(path, "must be an object of fields")
        if not raw:
            raise InvalidPattern(path, "must not be empty")
        if len(path) > PATTERN_DEPTH:
            raise InvalidPattern(path, f"is deeper than {PATTERN_DEPTH} levels")
        fields = tuple((name, self._field(below, (*path, name))) for name, below in raw.items() if name != OR)
        groups = (self._alternatives(raw[OR], (*path, OR)),) if OR in raw else ()
        return Pattern(path, fields, groups)

    def _field(self, raw: Json, path: Path) -> Leaf | Pattern:
        self._spend(path[-1], path)
        if isinstance(raw, list):
            return self._leaf(raw, path)
        if isinstance(raw, dict):
            return self.pattern(raw, path)
        raise InvalidPattern(path, f"must be a list of conditions, such as [{_shown(raw)}], or an object of fields")

    def _alternatives(self, raw: Json, path: Path) -> tuple[Pattern, ...]:
        if not isinstance(raw, list) or not raw:
            raise InvalidPattern(path, "must be a list of patterns, of which one must pass")
        self._count(len(raw), path)
        return tuple(self.pattern(each, path) for each in raw)

    def _leaf(self, raw: list[Json], path: Path) -> Leaf:
        if not raw:
            raise InvalidPattern(path, "must hold a condition; to ask for an empty list is not possible")
        self._count(len(raw), path)
        exact: list[Scalar] = []
        conditions: list[Condition] = []
        presence: set[bool] = set()
        for each in raw:
            if isinstance(each, list):
                raise InvalidPattern(path, "a list inside a list means nothing: write its values directly")
            if not isinstance(each, dict):
                exact.append(self._scalar(each, path))
                continue
            word, operand = _single(each, path)
            if word == "exists":
                presence.add(_yes_or_no(operand, (*path, word)))
            else:
                conditions.append(self._condition(word, operand, (*path, word)))
        return Leaf(path, tuple([_one_of(exact)] * bool(exact) + conditions), frozenset(presence))

    def _condition(self, word: str, operand: Json, path: Path) -> Condition:
        match word:
            case "prefix" | "suffix":
                return self._end(word, operand, path)
            case "equals-ignore-case":
                return Folded(_one_of([self._text(operand, path).casefold()]))
            case "wildcard":
                return self._wildcard(operand, path)
            case "anything-but":
                return self._anything_but(operand, path)
            case "numeric":
                return self._within(operand, path)
            case "cidr":
                return self._inside(operand, path)
            case _:
                raise InvalidPattern(path, f"is not a condition; use {_WORDS}")

    def _end(self, word: str, operand: Json, path: Path) -> Condition:
        shape = Starts if word == "prefix" else Ends
        if not isinstance(operand, dict):
            return shape(self._text(operand, path))
        inner, text = _single(operand, path)
        if inner != "equals-ignore-case":
            raise InvalidPattern((*path, inner), f"only equals-ignore-case may stand in {word}")
        return Folded(shape(self._text(text, (*path, inner)).casefold()))

    def _wildcard(self, operand: Json, path: Path) -> Fits:
        text = self._text(operand, path)
        try:
            return Fits(text, read_wildcard(text))
        except ValueError as error:
            raise InvalidPattern(path, f"cannot be read: {error}") from None

    def _anything_but(self, operand: Json, path: Path) -> AnythingBut:
        if isinstance(operand, dict):
            word, texts = _single(operand, path)
            if word not in {"prefix", "suffix", "equals-ignore-case", "wildcard"}:
                raise InvalidPattern((*path, word), "must be prefix, suffix, equals-ignore-case or wildcard")
            several = texts if isinstance(texts, list) else [texts]
            self._several(several, (*path, word))
            return AnythingBut(tuple(self._condition(word, text, (*path, word)) for text in several))
        values = operand if isinstance(operand, list) else [operand]
        self._several(values, path)
        return AnythingBut((_one_of([self._scalar(value, path) for value in values]),))

    def _several(self, values: Sequence[Json], path: Path) -> None:
        if not values:
            raise InvalidPattern(path, "must name at least one value")
        self._count(len(values), path)

    def _within(self, operand: Json, path: Path) -> Within:
        wrong = InvalidPattern(path, 'must be one or two comparisons with =, <, <=, > or >=, as in [">", 0, "<=", 5]')
        if not isinstance(operand, list) or len(operand) not in {2, 4}:
            raise wrong
        bounds: list[tuple[str, Number]] = []
        for sign, bound in zip(operand[::2], operand[1::2], strict=True):
            if not isinstance(sign, str) or sign not in COMPARISONS:
                raise wrong
            if isinstance(bound, bool) or not isinstance(bound, int | float):
                raise wrong
            bounds.append((sign, bound))
        return Within(tuple(bounds))

    def _inside(self, operand: Json, path: Path) -> Inside:
        try:
            return Inside(ip_network(self._text(operand, path)))
        except ValueError:
            raise InvalidPattern(path, "must be a network, such as 10.0.0.0/8 or fd00::/8") from None

    def _text(self, value: Json, path: Path) -> str:
        if not isinstance(value, str) or not value:
            raise InvalidPattern(path, "must be text, and not empty")
        self._spend(value, path)
        return value

    def _scalar(self, value: Json, path: Path) -> Scalar:
        if isinstance(value, list | dict):
            raise InvalidPattern(path, "must hold plain values: text, numbers, true, false or null")
        if isinstance(value, str):
            self._spend(value, path)
        return value

    def _count(self, conditions: int, path: Path) -> None:
        self.conditions += conditions
        if self.conditions > PATTERN_CONDITIONS:
            raise InvalidPattern(path, f"is beyond the {PATTERN_CONDITIONS} conditions that one filter may hold")

    def _spend(self, text: str, path: Path) -> None:
        self.chars += len(text)
        if self.chars > PATTERN_CHARS:
            raise InvalidPattern(path[:1], f"the filter is longer than {PATTERN_CHARS} characters")


def _one_of(values: list[Scalar]) -> OneOf:
    return OneOf(tuple(values), frozenset(identity(value) for value in values))


def _single(raw: dict[str, Json], path: Path) -> tuple[str, Json]:
    if len(raw) != 1:
        raise InvalidPattern(path, f"a condition is an object with one word: {_WORDS}")
    return next(iter(raw.items()))


def _yes_or_no(raw: Json, path: Path) -> bool:
    if not isinstance(raw, bool):
        raise InvalidPattern(path, "must be true or false")
    return raw


def _shown(raw: Json) -> str:
    return '"…"' if isinstance(raw, str) else "…"
