"""Ids that cannot be mistaken for one another: each kind has a prefix for people and a type for mypy.

Random ids are made from bytes that the caller brings (`os.urandom(ID_BYTES)`): the core rolls no dice.
A delivery's id is not random: it is the number that the store gave it (see `delivery_id`).
"""

from typing import NewType

EventId = NewType("EventId", str)
WebhookId = NewType("WebhookId", str)
ConnectionId = NewType("ConnectionId", str)
DeliveryId = NewType("DeliveryId", str)
ReplayId = NewType("ReplayId", str)
KeyId = NewType("KeyId", str)

ID_BYTES = 10
"""Dice for one id: 80 bits, sixteen characters."""

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32, lower case: no i, l, o, u; sorts as its numbers do."""

SEQUENCE_CHARS = 11
SHARD_CHARS = 2


_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]


def base32(number: int, width: int) -> str:
    """`number` in Crockford's base 32, padded with zeros to `width` characters."""
    digits = ""
    while number or len(digits) < width:
        digits = _PAIRS[number & 1023] + digits
        number >>= 10
    return digits[1:] if len(digits) > width and digits[0] == "0" else digits


def unbase32(digits: str) -> int:
    """The number behind `digits`. Raises ValueError for a foreign character."""
    number = 0
    for digit in digits:
        number = number * 32 + ALPHABET.index(digit)
    return number


def webhook_id(dice: bytes) -> WebhookId:
    return WebhookId("wh_" + _text(dice))


def connection_id(dice: bytes) -> ConnectionId:
    return ConnectionId("con_" + _text(dice))


def replay_id(dice: bytes) -> ReplayId:
    return ReplayId("rpl_" + _text(dice))


def key_id(dice: bytes) -> KeyId:
    return KeyId("key_" + _text(dice))


def delivery_id(sequence: int, shard: int) -> DeliveryId:
    """`dlv_` + the store's sequence number (microseconds of its birth, never given twice) + its shard."""
    return DeliveryId("dlv_" + base32(sequence << 10 | shard, SEQUENCE_CHARS + SHARD_CHARS))  # two characters, 10 bits


def read_delivery_id(text: str) -> tuple[int, int]:
    """The sequence number and the shard of a delivery's id. Raises ValueError if it is none."""
    digits = text.removeprefix("dlv_")
    if len(digits) != SEQUENCE_CHARS + SHARD_CHARS or digits == text:
        raise ValueError(f"not a delivery's id: {text!r}")
    return unbase32(digits[:SEQUENCE_CHARS]), unbase32(digits[SEQUENCE_CHARS:])


def _text(dice: bytes) -> str:
    if len(dice) != ID_BYTES:
        raise ValueError(f"an id takes {ID_BYTES} bytes of dice, not {len(dice)}")
    return base32(int.from_bytes(dice), ID_BYTES * 8 // 5)
