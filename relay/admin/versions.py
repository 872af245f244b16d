"""Versions: an ETag for a record, and changes that lose nothing of what somebody else changed meanwhile."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from relay.admin.endpoints import Call
from relay.admin.problems import Problem, conflict
from relay.store.errors import Conflict

RACES = 5
"""How often a change is tried again because somebody else's came first."""


class Versioned(Protocol):
    @property
    def version(self) -> int: ...


Record = TypeVar("Record", bound=Versioned)


def tag(record: Versioned) -> str:
    """The ETag: changes with every change."""
    return f'"{record.version}"'


def is_known(call: Call, record: Versioned) -> bool:
    """Whether the caller has this version already: If-None-Match, of which a proxy may have made a weak one."""
    return call.if_none_match is not None and call.if_none_match.contains_weak(str(record.version))


def check_match(call: Call, record: Versioned) -> None:
    """Raises Problem (412) if If-Match names other versions than this; a weak one names none (RFC 9110, 13.1.1)."""
    if call.if_match is not None and not call.if_match.contains(str(record.version)):
        raise Problem(412, "precondition_failed", "The record is no longer the one that If-Match names.")


def revise(call: Call, find: Callable[[], Record], change: Callable[[Record], Record]) -> Record:
    """What `change` keeps of the record that `find` finds. `change` raises Conflict where another record stands.

    Raises Problem: 412 if If-Match names another version, 409 if others are always first.
    """
    for _ in range(RACES):
        stands = find()
        check_match(call, stands)
        try:
            return change(stands)
        except Conflict:
            continue
    raise conflict("changed_meanwhile", "The record is being changed by others just now; try again.")
