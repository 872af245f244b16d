"""The true types of Redis' replies. redis-py types them as "anything"; the only casts in the program are here."""

from collections.abc import Mapping, Sequence
from typing import cast


def integer(reply: object) -> int:
    return int(cast(int | bytes, reply))


def text(reply: object) -> str:
    return cast(bytes, reply).decode()


def maybe_text(reply: object) -> str | None:
    return None if reply is None else text(reply)


def maybe_bytes(reply: object) -> bytes | None:
    return cast(bytes | None, reply)


def blob(reply: object) -> bytes:
    """MessagePack, of a script that answers in one word."""
    return cast(bytes, reply)


def rows(reply: object) -> Sequence[object]:
    """A list of anything; [] for none."""
    return cast(Sequence[object], reply or ())


def fields(reply: object) -> Mapping[str, str]:
    """HGETALL's answer as text."""
    return {key.decode(): value.decode() for key, value in cast(Mapping[bytes, bytes], reply).items()}


def flat_fields(reply: object) -> Mapping[str, str]:
    """HGETALL's answer as a script gives it: names and values in turn."""
    flat = [text(each) for each in rows(reply)]
    return dict(zip(flat[::2], flat[1::2], strict=True))


def pairs(reply: object) -> Mapping[bytes, bytes]:
    """HGETALL's answer as it is."""
    return cast(Mapping[bytes, bytes], reply)


def entries(reply: object) -> Sequence[tuple[str, Mapping[bytes, bytes]]]:
    """XRANGE's answer: id and fields."""
    return [(key.decode(), value) for key, value in cast(Sequence[tuple[bytes, Mapping[bytes, bytes]]], reply or ())]
