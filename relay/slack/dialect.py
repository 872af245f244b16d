"""What a line needs to know of the protocol that is spoken on it: RTM (rtm.py) or Socket Mode (socket_mode.py)."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from relay.core.complaints import Complaint, complaint
from relay.core.connection import Connection
from relay.core.rtm_event import Identity
from relay.core.session import Frame, Session, Step
from relay.slack.web_api import Denied, Granted, Limited, Said, Unreachable


class Ticket(Struct, frozen=True, kw_only=True):
    """Where to connect; good for one connection, within 30 s."""

    url: str
    asked_at: float  # of the steady clock: what happens after it may be among the first frames
    identity: Identity


class NoTicket(Struct, frozen=True, kw_only=True):
    complaint: Complaint
    retry_after_s: float = 0.0


class Reader(Protocol):
    def take(self, steps: Sequence[Step], *, now: float) -> int:
        """Pass on the events among the steps of one read, in their order; of how many no envelope can be made."""


class Dialect(Protocol):
    def ticket(self) -> Ticket | NoTicket:
        """Ask Slack for a socket's address; may take seconds."""

    def session(self, *, asked_at: float, opened_at: float) -> Session: ...

    def reader(self, identity: Identity, send: Callable[[bytes], None]) -> Reader:
        """`send`: puts a text on this socket, without waiting; raises WireLost."""

    def first_words(self) -> list[Frame]:
        """What to say on each new socket."""

    def follow(self, connection: Connection) -> list[Frame]:
        """The record has changed, in what needs no new socket; what to say on those that stand."""


def refusal(said: Said) -> NoTicket:
    """Why there is no ticket."""
    match said:
        case Limited(retry_after_s=retry_after_s):
            return NoTicket(complaint=complaint("ratelimited"), retry_after_s=retry_after_s)
        case Denied(word=word, detail=detail) | Unreachable(word=word, detail=detail):
            return NoTicket(complaint=complaint(word, detail))
        case Granted():
            return NoTicket(complaint=complaint("unreadable", "the answer lacks what it should have"))
