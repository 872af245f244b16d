"""Times and durations as people write them: RFC 3339 in UTC, and `24h`."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

Moment = Annotated[
    str, WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-01-31T12:00:00.000Z"]})
]
"""A time that we show."""

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,9})([smhd])", re.ASCII)


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def maybe_moment(seconds: float | None) -> str | None:
    return None if seconds is None else moment(seconds)


def read_duration(text: str) -> float:
    """Seconds of `90s`, `15m`, `24h`, `7d`. Raises ValueError."""
    shape = _DURATION.fullmatch(text)
    if shape is None:
        raise ValueError("must be a whole number and a unit: 90s, 15m, 24h or 7d")
    return float(shape[1]) * UNITS_S[shape[2]]


def _read_moment(value: object) -> object:
    try:
        when = datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError("must be a time such as 2026-01-31T12:00:00Z") from None
    if when.tzinfo is None:
        raise ValueError("must end in Z or an offset such as +01:00")
    try:
        return when.timestamp()
    except (OverflowError, ValueError):
        raise ValueError("is beyond what a clock can say") from None


AskedMoment = Annotated[float, BeforeValidator(_read_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time that a caller sends; Unix seconds inside."""


def _check_duration(text: str) -> str:
    read_duration(text)
    return text


AskedDuration = Annotated[str, AfterValidator(_check_duration), Field(pattern=r"^[0-9]{1,9}[smhd]$", examples=["24h"])]
