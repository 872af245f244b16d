"""Conditions: what a filter may ask of one value, in EventBridge's words (`prefix`, `anything-but`, `numeric` …).

A condition passes a value or not, says itself in words, and may offer *keys*: a way to find it in a table by the
value, so that a hundred thousand filters need not be tried one by one. A lens says how the value is looked at, the key
is what is then seen.
"""

import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from operator import eq, ge, gt, le, lt
from typing import Protocol, TypeAlias

from relay.core.wildcard import Wildcard

Scalar: TypeAlias = bool | int | float | str | None
Number: TypeAlias = int | float


COMPARISONS: Mapping[str, Callable[[Number, Number], bool]] = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}


@dataclass(frozen=True, slots=True, order=True)
class Lens:
    """How a value is looked at: whole, or its first (`width` > 0) or last (`width` < 0) characters, or in one case."""

    width: int = 0
    folded: bool = False

    def key(self, value: Scalar) -> Hashable:
        """What is seen of `value`; None if nothing is, because it is not text."""
        if self == WHOLE:
            return identity(value)
        if not isinstance(value, str):
            return None
        if self.folded:
            return value.casefold()
        return value[: self.width] if self.width > 0 else value[self.width :]


WHOLE = Lens()
Keys: TypeAlias = tuple[tuple[Lens, Hashable], ...]


def identity(value: Scalar) -> Hashable:
    """`value` as a key under which 1 and 1.0 are the same, but 1, true and "1" are not, and null is not None."""
    return ("literal", str(value)) if value is None or isinstance(value, bool) else value


class Condition(Protocol):
    def passes(self, value: Scalar) -> bool: ...

    def keys(self) -> Keys | None:
        """The places where any value that passes can be found; None if there is no such table."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """The value is one of these, exactly."""

    values: tuple[Scalar, ...]
    identities: frozenset[Hashable]

    def passes(self, value: Scalar) -> bool:
        return identity(value) in self.identities

    def keys(self) -> Keys:
        return tuple((WHOLE, key) for key in self.identities)

    def __str__(self) -> str:
        shown = [say(value) for value in self.values[:SHOWN]]
        if len(self.values) > SHOWN:
            shown.append(f"{len(self.values) - SHOWN} more")
        return " or ".join(shown)


@dataclass(frozen=True, slots=True)
class Starts:
    prefix: str

    def passes(self, value: Scalar) -> bool:
        return isinstance(value, str) and value.startswith(self.prefix)

    def keys(self) -> Keys:
        return ((Lens(width=len(self.prefix)), self.prefix),)

    def __str__(self) -> str:
        return f"text that starts with {say(self.prefix)}"


@dataclass(frozen=True, slots=True)
class Ends:
    suffix: str

    def passes(self, value: Scalar) -> bool:
        return isinstance(value, str) and value.endswith(self.suffix)

    def keys(self) -> Keys:
        return ((Lens(width=-len(self.suffix)), self.suffix),)

    def __str__(self) -> str:
        return f"text that ends with {say(self.suffix)}"


@dataclass(frozen=True, slots=True)
class Folded:
    """Another condition on text, whatever its case; `inner` is asked about the folded text."""

    inner: OneOf | Starts | Ends

    def passes(self, value: Scalar) -> bool:
        return isinstance(value, str) and self.inner.passes(value.casefold())

    def keys(self) -> Keys | None:
        if not isinstance(self.inner, OneOf):
            return None
        return tuple((Lens(folded=True), key) for key in self.inner.identities)

    def __str__(self) -> str:
        return f"{self.inner} in any case"


@dataclass(frozen=True, slots=True)
class Fits:
    text: str
    wildcard: Wildcard

    def passes(self, value: Scalar) -> bool:
        return isinstance(value, str) and self.wildcard.passes(value)

    def keys(self) -> Keys | None:
        return None

    def __str__(self) -> str:
        return f"text that fits {say(self.text)}"


@dataclass(frozen=True, slots=True)
class Within:
    """A number on the right side of every bound."""

    bounds: tuple[tuple[str, Number], ...]

    def passes(self, value: Scalar) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return all(COMPARISONS[sign](value, bound) for sign, bound in self.bounds)

    def keys(self) -> Keys | None:
        return None

    def __str__(self) -> str:
        return "a number " + " and ".join(f"{sign} {bound}" for sign, bound in self.bounds)


@dataclass(frozen=True, slots=True)
class Inside:
    """Text that is an address in this network."""

    network: IPv4Network | IPv6Network

    def passes(self, value: Scalar) -> bool:
        if not isinstance(value, str):
            return False
        try:
            return ip_address(value) in self.network
        except ValueError:
            return False

    def keys(self) -> Keys | None:
        return None

    def __str__(self) -> str:
        return f"an address in {self.network}"


@dataclass(frozen=True, slots=True)
class AnythingBut:
    excluded: tuple[Condition, ...]

    def passes(self, value: Scalar) -> bool:
        return not any(condition.passes(value) for condition in self.excluded)

    def keys(self) -> Keys | None:
        return None

    def __str__(self) -> str:
        return "anything but " + " or ".join(map(str, self.excluded))


SHOWN = 5
SHOWN_CHARS = 60


def say(value: Scalar) -> str:
    """`value` as JSON, cut to what a sentence bears."""
    short = value[:SHOWN_CHARS] + "…" if isinstance(value, str) and len(value) > SHOWN_CHARS else value
    return json.dumps(short, ensure_ascii=False)
