"""Conditions: what a filter may ask of one value, in EventBridge's words (`prefix`, `anything-but`, `numeric` …).

A condition passes a value or not, says itself in words, and may offer *keys*, by which it is found in a table through
a lens (core/lenses.py), so that a hundred thousand filters need not be tried one by one.
"""

import json
from collections.abc import Callable, Hashable, Mapping
from ipaddress import IPv4Network, IPv6Network
from math import inf
from operator import eq, ge, gt, le, lt
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from relay.core.lenses import (
    OTHER,
    RANGE,
    WHOLE,
    Keys,
    Lens,
    Look,
    Number,
    Scalar,
    identity,
    network_keys,
    read_address,
)
from relay.core.ranges import ordinal_of
from relay.core.wildcard import Wildcard

COMPARISONS: Mapping[str, Callable[[Number, Number], bool]] = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}
LOWEST, HIGHEST = ordinal_of(-inf), ordinal_of(inf)


class Condition(Protocol):
    def passes(self, value: Scalar) -> bool: ...

    def keys(self) -> Keys | None:
        """Any value that passes has one of these; None if there is no telling."""


class OneOf(Struct, frozen=True):
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


class Starts(Struct, frozen=True):
    prefix: str

    def passes(self, value: Scalar) -> bool:
        return isinstance(value, str) and value.startswith(self.prefix)

    def keys(self) -> Keys:
        return ((Lens(Look.START, len(self.prefix)), self.prefix),)

    def __str__(self) -> str:
        return f"text that starts with {say(self.prefix)}"


class Ends(Struct, frozen=True):
    suffix: str

    def passes(self, value: Scalar) -> bool:
        return isinstance(value, str) and value.endswith(self.suffix)

    def keys(self) -> Keys:
        return ((Lens(Look.END, len(self.suffix)), self.suffix),)

    def __str__(self) -> str:
        return f"text that ends with {say(self.suffix)}"


class Folded(Struct, frozen=True):
    """Another condition on text, whatever its case; `inner` is asked about the folded text."""

    inner: OneOf | Starts | Ends

    def passes(self, value: Scalar) -> bool:
        return isinstance(value, str) and self.inner.passes(value.casefold())

    def keys(self) -> Keys:
        keys: Keys = self.inner.keys()
        return tuple((replace(lens, folded=True), key) for lens, key in keys)

    def __str__(self) -> str:
        return f"{self.inner} in any case"


class Fits(Struct, frozen=True):
    text: str
    wildcard: Wildcard

    def passes(self, value: Scalar) -> bool:
        return isinstance(value, str) and self.wildcard.passes(value)

    def keys(self) -> Keys | None:
        """Its longest piece."""
        first, *rest = self.wildcard.pieces
        if not rest:
            return ((WHOLE, first),)
        *middle, last = rest
        looks = ((Look.START, first), (Look.END, last), *((Look.PIECE, piece) for piece in middle))
        look, piece = max(looks, key=lambda each: len(each[1]))
        return ((Lens(look, len(piece)), piece),) if piece else None

    def __str__(self) -> str:
        return f"text that fits {say(self.text)}"


class Within(Struct, frozen=True):
    """A number on the right side of every bound."""

    bounds: tuple[tuple[str, Number], ...]

    def passes(self, value: Scalar) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return all(COMPARISONS[sign](value, bound) for sign, bound in self.bounds)

    def keys(self) -> Keys:
        """One range; it has its ends, also where the condition has not."""
        first = max((ordinal_of(bound) for sign, bound in self.bounds if sign in {"=", ">", ">="}), default=LOWEST)
        last = min((ordinal_of(bound) for sign, bound in self.bounds if sign in {"=", "<", "<="}), default=HIGHEST)
        return ((RANGE, (first, last)),) if first <= last else ()

    def __str__(self) -> str:
        return "a number " + " and ".join(f"{sign} {bound}" for sign, bound in self.bounds)


class Inside(Struct, frozen=True):
    """Text that is an address in this network."""

    network: IPv4Network | IPv6Network

    def passes(self, value: Scalar) -> bool:
        address = read_address(value) if isinstance(value, str) else None
        return address is not None and address in self.network

    def keys(self) -> Keys:
        return network_keys(self.network)

    def __str__(self) -> str:
        return f"an address in {self.network}"


class AnythingBut(Struct, frozen=True):
    excluded: tuple[Condition, ...]

    def passes(self, value: Scalar) -> bool:
        return not any(condition.passes(value) for condition in self.excluded)

    def keys(self) -> Keys | None:
        named = [condition.identities for condition in self.excluded if isinstance(condition, OneOf)]
        return ((OTHER, frozenset().union(*named)),) if len(named) == len(self.excluded) else None

    def __str__(self) -> str:
        return "anything but " + " or ".join(map(str, self.excluded))


SHOWN = 5
SHOWN_CHARS = 60


def say(value: Scalar) -> str:
    """`value` as JSON, cut to what a sentence bears."""
    short = value[:SHOWN_CHARS] + "…" if isinstance(value, str) and len(value) > SHOWN_CHARS else value
    return json.dumps(short, ensure_ascii=False)
