"""Lenses: how a value is looked at, so that conditions on it are found in a table and need not be tried one by one.

A lens shows *keys* of a value; a condition that passes the value has one of them. It may have it and not pass: who is
found is still asked.
"""

from collections.abc import Hashable, Iterable
from enum import IntEnum, auto
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

from msgspec import Struct

Scalar: TypeAlias = bool | int | float | str | None
Number: TypeAlias = int | float


class Look(IntEnum):
    """From PIECE on, looking costs more than a lookup; by OTHER nearly everything is found."""

    WHOLE = auto()
    START = auto()  # the first `width` characters
    END = auto()  # the last ones
    NETWORK = auto()  # the first `width` bits of an address
    PIECE = auto()  # any characters that stand together
    RANGE = auto()  # a number: found between its bounds (core/ranges.py), not by keys
    OTHER = auto()  # a value: found by those that it must not be


class Lens(Struct, frozen=True, order=True):
    look: Look = Look.WHOLE
    width: int = 0
    folded: bool = False  # in any case

    def keys(self, value: Scalar) -> Iterable[Hashable]:
        if self.look is Look.WHOLE and not self.folded:
            return (identity(value),)
        if not isinstance(value, str):
            return ()
        return self._keys(value.casefold() if self.folded else value)

    def _keys(self, text: str) -> Iterable[Hashable]:
        match self.look:
            case Look.START:
                return (text[: self.width],)
            case Look.END:
                return (text[-self.width :],)
            case Look.PIECE:
                return (text[at : at + self.width] for at in range(len(text) - self.width + 1))
            case Look.NETWORK:
                address = read_address(text)
                if address is None or address.max_prefixlen < self.width:
                    return ()
                return (network_key(address, self.width),)
            case _:
                return (text,)


WHOLE = Lens()
RANGE = Lens(Look.RANGE)
OTHER = Lens(Look.OTHER)
Keys: TypeAlias = tuple[tuple[Lens, Hashable], ...]


def identity(value: Scalar) -> Hashable:
    """`value` as a key under which 1 and 1.0 are the same, but 1, true and "1" are not, and null is not None."""
    return ("literal", str(value)) if value is None or isinstance(value, bool) else value


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def network_key(address: IPv4Address | IPv6Address, bits: int) -> Hashable:
    """What an address has in common with those of its network."""
    return address.version, int(address) >> (address.max_prefixlen - bits)


def network_keys(network: IPv4Network | IPv6Network) -> Keys:
    bits = network.prefixlen
    return ((Lens(Look.NETWORK, bits), network_key(network.network_address, bits)),)
