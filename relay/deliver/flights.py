"""POSTs in the air: each has a connection, a deadline, and a second chance where that can do no harm."""

import math
from collections.abc import Callable
from ssl import SSLContext
from time import monotonic

from msgspec import Struct

from relay.core.outcome import Answered, Failed, Failure, Outcome, Timing
from relay.deliver.answer import Broken, Heard
from relay.deliver.familiar import Familiar
from relay.deliver.link import IDLE, Keeper, Link
from relay.deliver.pump import Pump
from relay.deliver.request import Request
from relay.deliver.target import Target
from relay.deliver.way import Kept

CONNECT_SHARE_S = 3.0
"""How long one address is tried while there is another."""


class Flight(Struct, eq=False, kw_only=True, gc=False):
    """A POST under way, from its start to its outcome."""

    then: Callable[[Outcome], None]
    target: Target
    request: Request
    started: float  # monotonic seconds, as are all here
    deadline: float
    dns_s: float = 0.0
    addresses: tuple[str, ...] = ()  # to be tried, the one in use first
    proxy_address: str | None = None
    moved: bool = False  # an address did not let us connect
    fresh: bool = False  # a kept connection died under it


class Flights:
    """`landed` is called from the pump's greenlet, once for each flight."""

    def __init__(
        self, pump: Pump, kept: Kept, *, context: SSLContext, landed: Callable[[Flight, Answered | Failed], None]
    ) -> None:
        self._pump = pump
        self._kept = kept
        self._keeper = Keeper(
            pump=pump,
            context=context,
            familiar=Familiar(),
            answered=self._answered,
            broken=self._broken,
            closed=kept.forget,
        )
        self._landed = landed
        self._by_link: dict[Link, Flight] = {}
        self.resent = 0
        pump.ring = self._ring
        kept.wake_at = pump.wake_at

    def __len__(self) -> int:
        return len(self._by_link)

    def begin(self, flight: Flight) -> Failed | None:
        """Posts on a kept connection or a new one. Answers why that is hopeless, if it is so at once."""
        way = flight.target.way(flight.addresses[0], flight.proxy_address)
        link = None if flight.fresh else self._kept.take(way)
        if link is None:
            try:
                link = Link(way, self._keeper)
            except OSError as error:
                return self._turn_away(flight, Failed(failure=Failure.CONNECT, detail=error.strerror or str(error)))
        deadline = flight.deadline
        if len(flight.addresses) > 1:
            deadline = min(deadline, monotonic() + CONNECT_SHARE_S)
        link.deadline = deadline
        self._pump.wake_at(deadline)
        self._by_link[link] = flight
        link.post(flight.target.write(flight.request), flight.request.keep_bytes)
        return None

    def close(self) -> list[Flight]:
        """Ends every connection. Answers with the flights that were cut."""
        flights = list(self._by_link.values())
        for link in tuple(self._by_link):
            link.close()
        self._by_link.clear()
        self._kept.close()
        return flights

    def _turn_away(self, flight: Flight, failed: Failed) -> Failed | None:
        """To the next address, if there is one."""
        if len(flight.addresses) < 2:
            return failed
        flight.addresses = flight.addresses[1:]
        flight.moved = True
        return self.begin(flight)

    def _answered(self, link: Link, heard: Heard, now: float) -> None:
        flight = self._by_link.pop(link)
        if link.state is IDLE:
            self._kept.keep(link, now)
        outcome = Answered(
            status=heard.status,
            headers=heard.headers,
            excerpt=heard.excerpt,
            timing=_timing(flight, link, now),
        )
        self._landed(flight, outcome)

    def _broken(self, link: Link, broken: Broken) -> None:
        flight = self._by_link.pop(link)
        failed = Failed(failure=broken.failure, detail=str(broken), timing=_timing(flight, link, monotonic()))
        hopeless = self._second_chance(flight, link, failed)
        if hopeless is not None:
            self._landed(flight, hopeless)

    def _second_chance(self, flight: Flight, link: Link, failed: Failed) -> Failed | None:
        """Begins it anew where nobody can have read it, or else answers with what failed."""
        if flight.fresh:
            return failed
        if link.posts == 0:
            return self._turn_away(flight, failed)
        if failed.failure is Failure.RESET and link.died_unheard:
            flight.fresh = True
            self.resent += 1
            return self.begin(flight)
        return failed

    def _ring(self, now: float) -> float:
        """Cuts what is late. Answers when to ring next."""
        for link, flight in tuple(self._by_link.items()):
            if link.deadline <= now < flight.deadline and link.posts:
                link.deadline = flight.deadline  # it got the share of its address, and made use of it
            elif link.deadline <= now:
                link.cut()
        due = min((link.deadline for link in self._by_link), default=math.inf)
        return min(due, self._kept.expire(now))


def _timing(flight: Flight, link: Link, now: float) -> Timing:
    """What happened before this flight began took no time of it: the connection was kept."""
    started = flight.started
    if link.posts > 1 and link.first_byte_at:
        return Timing(dns_s=flight.dns_s, first_byte_s=link.first_byte_at - started, total_s=now - started)
    return Timing(
        dns_s=flight.dns_s,
        connect_s=max(0.0, link.connected_at - started),
        tls_s=max(0.0, link.secured_at - started),
        first_byte_s=max(0.0, link.first_byte_at - started),
        total_s=now - started,
    )
