"""One signed POST; never raises, answers with an `Outcome`.

`Poster.start` returns at once and calls `then` with the outcome later, exactly once, from the pump's greenlet. `then`
must not block: it appends to a list or sets an event. The outcomes of one round come right after one another, so
whoever gathers them gets batches. `Poster.post` waits for the outcome, for those who have only one to wait for.

A name is resolved here and only here: the address that was vetted is the one that is connected to, and a connection
that is kept is used again for the same name at the same address alone. Who starts POSTs bounds how many are in flight,
for each has a connection to itself; how many are kept idle is bounded here.
"""

import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Generic, TypeVar

import certifi
import gevent
from gevent.event import Event

from relay.core.address import Network
from relay.core.outcome import Answered, Failed, Failure, Outcome, Refused
from relay.core.proxy import Proxies
from relay.core.url import vet_url
from relay.deliver.flights import Flight, Flights
from relay.deliver.pump import Pump
from relay.deliver.request import Request
from relay.deliver.resolve import EVERYWHERE, Addresses, Names, Resolve, system_resolve
from relay.deliver.target import Target
from relay.deliver.tls import trusting
from relay.deliver.way import Kept, Ways

__all__ = ["PostOptions", "Poster", "Request"]

Came = TypeVar("Came")
Then = Callable[[Outcome], None]

URLS = 10_000
"""How many URLs are remembered as vetted; what their names lead to is asked anew every few seconds."""

VET_S = 3.0
"""How long `vet` waits for the DNS."""

NO_PROXY = Failed(failure=Failure.CONNECT, detail="the proxy's name has no address")
CUT = Failed(failure=Failure.STOPPED, detail="the relay stopped before an answer came")


def system_ca_file() -> str:
    """The certificates that this machine trusts (or SSL_CERT_FILE), else those that Mozilla does."""
    return ssl.get_default_verify_paths().cafile or certifi.where()


@dataclass(frozen=True, slots=True, kw_only=True)
class PostOptions:
    allowed: tuple[Network, ...] = ()  # networks that may be posted to although they are not public
    proxies: Proxies = field(default_factory=Proxies)
    ca_file: str | None = None  # None: what this machine trusts
    idle_connections: int = (
        512  # more than are in flight at a time, or a burst would end connections and open them anew
    )
    idle_s: float = 60.0
    fresh_s: float = 5.0  # how long a name's addresses are remembered
    resolve: Resolve = system_resolve


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
        self._names = Names(allowed=options.allowed, resolve=options.resolve, fresh_s=options.fresh_s)
        self._proxy_names = Names(allowed=EVERYWHERE, resolve=system_resolve, fresh_s=options.fresh_s)
        self._targets: dict[str, Target | Refused] = {}
        self._ways = Ways()
        self._pump = Pump()
        self._flights = Flights(
            self._pump,
            Kept(limit=options.idle_connections, idle_s=options.idle_s),
            context=trusting(options.ca_file or system_ca_file()),
            landed=self._landed,
        )
        self._asking: set[Flight] = set()  # for addresses
        self._untold: deque[tuple[Then, Outcome]] = deque()
        self._quiet = Event()
        self._closed = False

    @property
    def in_flight(self) -> int:
        return len(self._asking) + len(self._flights) + len(self._untold)

    @property
    def resent(self) -> int:
        """POSTs that were sent a second time, because the kept connection that they went out on died unheard."""
        return self._flights.resent

    def start(self, request: Request, then: Then) -> None:
        """Begins the POST and returns; `then` gets its outcome."""
        if self._closed:
            gevent.get_hub().loop.run_callback(then, CUT)
            return
        target = self._targets.get(request.url) or self._target(request.url)
        if isinstance(target, Refused):
            self._tell_soon(then, target)
            return
        now = monotonic()
        flight = Flight(then=then, target=target, request=request, started=now, deadline=now + request.timeout_s)
        addresses = target.literal or self._names.known(target.place, now)
        if addresses is not None:
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
        target = self._target(url)
        if isinstance(target, Refused):
            return target
        addresses: Addresses | None = target.literal or self._names.known(target.place, monotonic())
        if addresses is None:
            waiter = _Waiter[Addresses]()
            self._names.ask(target.place, waiter, within_s=VET_S)
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
        self._proxy_names.close()
        for flight in [*self._asking, *self._flights.close()]:
            self._tell_soon(flight.then, CUT)
        self._asking.clear()
        self._pump.close()

    def _target(self, url: str) -> Target | Refused:
        vetted = vet_url(url, self._options.allowed)
        target: Target | Refused
        if isinstance(vetted, Refused):
            target = vetted
        else:
            target = Target(
                vetted, self._options.proxies.choose(*vetted.place, secure=vetted.scheme == "https"), self._ways
            )
        if len(self._targets) >= URLS:
            self._targets.clear()
        self._targets[url] = target
        return target

    def _found(self, flight: Flight, addresses: Addresses) -> None:
        self._asking.remove(flight)
        flight.dns_s = monotonic() - flight.started
        self._aim(flight, addresses)

    def _aim(self, flight: Flight, addresses: Addresses) -> None:
        """At the addresses of its name, if they may be posted to."""
        if not isinstance(addresses, tuple):
            self._tell_soon(flight.then, addresses)
            return
        flight.addresses = addresses
        if flight.target.proxy is None:
            if hopeless := self._flights.begin(flight):
                self._tell_soon(flight.then, hopeless)
            return
        self._asking.add(flight)
        within_s = flight.deadline - monotonic()
        self._proxy_names.ask(flight.target.proxy.place, partial(self._aim_through, flight), within_s=within_s)

    def _aim_through(self, flight: Flight, proxy_addresses: Addresses) -> None:
        """At the same, through the proxy."""
        self._asking.remove(flight)
        if isinstance(proxy_addresses, tuple):
            flight.proxy_address = proxy_addresses[0]
            if hopeless := self._flights.begin(flight):
                self._tell_soon(flight.then, hopeless)
        else:
            self._tell_soon(flight.then, NO_PROXY)

    def _landed(self, flight: Flight, outcome: Answered | Failed) -> None:
        if flight.moved and isinstance(outcome, Answered):
            self._names.prefer(flight.target.place, flight.addresses[0])
        if self._closed:
            self._tell(flight.then, outcome)
        else:
            flight.then(outcome)

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
