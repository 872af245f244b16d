"""One signed POST; never raises, answers with an `Outcome`.

`Poster.start` returns at once and calls `then` with the outcome later, exactly once, from the pump's greenlet. `then`
must not block: it appends to a list or sets an event. The outcomes of one round come right after one another, so
whoever gathers them gets batches. `Poster.post` waits for the outcome, for those who have only one to wait for.

A name is resolved here and libcurl is told the address to connect to: what was vetted is what is connected to, and a
connection that is kept is used again only for the same name at the same address.
"""

import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from time import monotonic
from typing import Generic, TypeVar

import certifi
import gevent
import pycurl
from gevent.event import Event

from relay.core.address import Network
from relay.core.outcome import Answered, Failed, Failure, Outcome, Refused
from relay.core.proxy import Proxies
from relay.core.url import VettedUrl, vet_url
from relay.deliver.pump import Bounds, Pump
from relay.deliver.resolve import Addresses, Names, Resolve, system_resolve
from relay.deliver.route import Request, Route
from relay.deliver.transfer import Transfer, Unsendable

__all__ = ["PostOptions", "Poster", "Request"]

Came = TypeVar("Came")
Then = Callable[[Outcome], None]

URLS = 10_000
"""How many URLs are remembered as vetted; what their names lead to is asked anew every few seconds."""

ADDRESSES = 4
"""How many addresses of one name are tried; the first that lets us connect gets the POST."""

CONNECT_SHARE_S = 3.0
"""How long one address is tried while there is another."""

VET_S = 3.0
"""How long `vet` waits for the DNS."""

CUT = Failed(failure=Failure.STOPPED, detail="the relay stopped before an answer came")


def system_ca_file() -> str:
    """The certificates that this machine trusts (or SSL_CERT_FILE), else those that Mozilla does."""
    return ssl.get_default_verify_paths().cafile or certifi.where()


@dataclass(frozen=True, slots=True, kw_only=True)
class PostOptions:
    allowed: tuple[Network, ...] = ()  # networks that may be posted to although they are not public
    proxies: Proxies = field(default_factory=Proxies)
    ca_file: str | None = None  # None: what this machine trusts
    connections: int = 500  # in use and idle; beyond, a POST waits for one as long as its time lasts
    idle_s: float = 60.0
    fresh_s: float = 5.0  # how long a name's addresses are remembered
    resolve: Resolve = system_resolve


@dataclass(slots=True, kw_only=True, eq=False)
class _Flight:
    """A POST under way."""

    request: Request
    then: Then
    target: VettedUrl
    started: float
    dns_s: float = 0.0
    addresses: tuple[str, ...] = ()  # to be tried, the one in use first
    moved: bool = False  # an address did not let us connect
    fresh: bool = False  # a kept connection died under it


class _Waiter(Generic[Came]):
    """Called with what came; blocks the greenlet that waits for it, and no other."""

    def __init__(self) -> None:
        self._came: list[Came] = []
        self._done = Event()

    def __call__(self, what: Came) -> None:
        self._came.append(what)
        self._done.set()

    def wait(self) -> Came:
        self._done.wait()
        return self._came[0]


class Poster:
    def __init__(self, options: PostOptions) -> None:
        self._options = options
        self._ca_file = options.ca_file or system_ca_file()
        self._names = Names(allowed=options.allowed, resolve=options.resolve, fresh_s=options.fresh_s)
        self._pump = Pump(self._finished, Bounds(connections=options.connections, idle_s=options.idle_s))
        self._vet = lru_cache(maxsize=URLS)(partial(vet_url, allowed=options.allowed))
        self._asking: set[_Flight] = set()  # for their addresses
        self._flights: dict[pycurl.Curl, tuple[_Flight, Transfer]] = {}
        self._untold: deque[tuple[Then, Outcome]] = deque()
        self._spare: list[Transfer] = []
        self._quiet = Event()
        self._closed = False
        self.resent = 0
        """POSTs that were begun a second time, because the kept connection that they were to go out on was dead."""

    @property
    def in_flight(self) -> int:
        return len(self._asking) + len(self._flights) + len(self._untold)

    def start(self, request: Request, then: Then) -> None:
        """Begins the POST and returns; `then` gets its outcome."""
        if self._closed:
            gevent.get_hub().loop.run_callback(then, CUT)
            return
        target = self._vet(request.url)
        if isinstance(target, Refused):
            self._tell_soon(then, target)
            return
        flight = _Flight(request=request, then=then, target=target, started=monotonic())
        if target.literal is not None:
            self._aim(flight, (target.host,))
        elif (addresses := self._names.known(target.place)) is not None:
            self._aim(flight, addresses)
        else:
            self._asking.add(flight)
            self._names.ask(target.place, partial(self._found, flight), within_s=request.timeout_s)

    def post(self, request: Request) -> Outcome:
        """The outcome; blocks the calling greenlet only."""
        waiter = _Waiter[Outcome]()
        self.start(request, waiter)
        return waiter.wait()

    def vet(self, url: str) -> Refused | None:
        """Why nothing would be posted to that URL now. A name that the DNS doesn't know yet passes."""
        target = self._vet(url)
        if isinstance(target, Refused):
            return target
        if target.literal is not None:
            return None
        place = target.place
        addresses = self._names.known(place)
        if addresses is None:
            waiter = _Waiter[Addresses]()
            self._names.ask(place, waiter, within_s=VET_S)
            addresses = waiter.wait()
        return addresses if isinstance(addresses, Refused) else None

    def close(self, within_s: float) -> None:
        """Takes no more, waits up to `within_s` for what is in flight, and ends the rest as Failed."""
        if self._closed:
            return
        self._closed = True
        if self.in_flight:
            self._quiet.wait(within_s)
        self._names.close()
        for flight in [*self._asking, *(flight for flight, _ in self._flights.values())]:
            self._tell_soon(flight.then, CUT)
        transfers = [*self._spare, *(transfer for _, transfer in self._flights.values())]
        for unfinished in (self._asking, self._flights, self._spare):
            unfinished.clear()
        self._pump.close()
        for transfer in transfers:
            transfer.close()

    def _found(self, flight: _Flight, addresses: Addresses) -> None:
        self._asking.remove(flight)
        flight.dns_s = monotonic() - flight.started
        self._aim(flight, addresses)

    def _aim(self, flight: _Flight, addresses: Addresses) -> None:
        """Gives it to libcurl, with the address to connect to."""
        if not isinstance(addresses, tuple):
            self._tell_soon(flight.then, addresses)
            return
        flight.addresses = addresses[:ADDRESSES]
        transfer = self._spare.pop() if self._spare else self._new_transfer()
        try:
            transfer.fill(flight.request, self._route(flight))
        except Unsendable as why:
            self._spare.append(transfer)
            self._tell_soon(flight.then, Refused(rule=str(why)))
            return
        self._flights[transfer.curl] = (flight, transfer)
        self._pump.add(transfer.curl)

    def _route(self, flight: _Flight) -> Route:
        target, timeout_s = flight.target, flight.request.timeout_s
        offset_s = monotonic() - flight.started
        wait_s = timeout_s - offset_s
        alone = len(flight.addresses) == 1
        return Route(
            url=target.url,
            address=flight.addresses[0],
            port=target.port,
            proxy=self._options.proxies.choose(target),
            fresh=flight.fresh,
            dns_s=flight.dns_s,
            offset_s=offset_s,
            wait_s=wait_s,
            connect_wait_s=timeout_s if alone else min(CONNECT_SHARE_S, wait_s / len(flight.addresses)),
        )

    def _new_transfer(self) -> Transfer:
        return Transfer(ca_file=self._ca_file, idle_s=self._options.idle_s, opened=self._pump.opened)

    def _finished(self, curl: pycurl.Curl, code: int, sentence: str) -> None:
        flight, transfer = self._flights.pop(curl)
        outcome = transfer.outcome(code, sentence)
        self._pump.remove(curl)
        self._spare.append(transfer)
        if transfer.sends > 1:
            self.resent += 1
        if isinstance(outcome, Answered):
            if flight.moved:
                self._names.prefer(flight.target.place, flight.addresses[0])
        elif transfer.died_under_it and not flight.fresh:
            flight.fresh = True
            self._aim(flight, flight.addresses)
            return
        elif transfer.sends == 0 and not flight.fresh and len(flight.addresses) > 1:
            flight.moved = True
            self._aim(flight, flight.addresses[1:])
            return
        self._tell(flight.then, outcome)

    def _tell_soon(self, then: Then, outcome: Outcome) -> None:
        self._untold.append((then, outcome))
        self._pump.soon(self._tell_next)

    def _tell_next(self) -> None:
        then, outcome = self._untold.popleft()
        self._tell(then, outcome)

    def _tell(self, then: Then, outcome: Outcome) -> None:
        if self._closed and not self.in_flight:
            self._quiet.set()
        then(outcome)
