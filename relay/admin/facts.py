"""What the admin room reports."""

import traceback
from typing import ClassVar, Self

from relay.report import Fact, Level


class RequestFailed(Fact, frozen=True, kw_only=True):
    """A view ended in an error that nobody expected: a bug."""

    level: ClassVar[Level] = Level.ERROR
    method: str
    path: str
    error: str
    trace: str

    @classmethod
    def of(cls, method: str, path: str, error: Exception) -> Self:
        """`path`: without the query, where people put tokens."""
        trace = "".join(traceback.format_exception(error))
        return cls(method=method, path=path, error=type(error).__name__, trace=trace)


class AuditMissed(Fact, frozen=True, kw_only=True):
    """Redis went away between a change and its line in the audit list; this line stands for it."""

    level: ClassVar[Level] = Level.WARNING
    who: str
    what: str
    target: str
