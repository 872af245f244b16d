"""The secrets in WebSocket URLs: each opens one connection, once, soon."""

import secrets
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

HELD_EVENTS = 1000
"""What happens between the answer with the URL and the socket's opening is sent right after hello; so much of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    id: str
    token: str = field(repr=False)
    until: float  # Unix seconds
    batch_presence_aware: bool = False
    presence_by_subscription: bool = True
    held: deque[str] = field(default_factory=lambda: deque(maxlen=HELD_EVENTS), repr=False)  # frames


class Tickets:
    def __init__(self, life_s: float) -> None:
        self._life_s = life_s
        self._open: dict[str, Ticket] = {}

    def issue(
        self, token: str, now: float, *, batch_presence_aware: bool = False, presence_by_subscription: bool = True
    ) -> Ticket:
        ticket = Ticket(
            id=secrets.token_urlsafe(16),
            token=token,
            until=now + self._life_s,
            batch_presence_aware=batch_presence_aware,
            presence_by_subscription=presence_by_subscription,
        )
        self._open[ticket.id] = ticket
        return ticket

    def redeem(self, id: str, now: float) -> Ticket | None:
        """The ticket, which nobody gets a second time; None if it is used, too old, or never was."""
        ticket = self._open.pop(id, None)
        return ticket if ticket is not None and now <= ticket.until else None

    def expire_all(self) -> None:
        self._open.clear()

    def unused(self, now: float) -> Iterator[Ticket]:
        for ticket in list(self._open.values()):
            if now <= ticket.until:
                yield ticket
            else:
                del self._open[ticket.id]
