"""One signed POST; never raises, answers with an `Outcome`.

`Poster.start` returns at once and calls `then` with the outcome later, exactly once, from the pump's greenlet. `then`
must not block: it appends to a list or sets an event. The outcomes of one round come right after one another, so
whoever gathers them gets batches. `Poster.post` waits for the outcome, for those who have only one to wait for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from time import monotonic

import gevent
import pycurl
from gevent.event import Event

from relay.core.address import Network, VettedUrl
from relay.core.outcome import Failed, Failure, Outcome, Refused
from relay.core.url import vet_url
from relay.deliver.pump import Pump
from relay.deliver.resolve import Addresses, Names, Resolve, system_resolve
from relay.deliver.transfer import Request, Transfer

__all__ = ["PostOptions", "Poster", "Request"]

Then = Callable[[Outcome], None]

URLS = 10_000
"""How many URLs are remembered as vetted; what a name leads to is another matter and asked anew every few seconds."""

CUT = Failed(failure=Failure.RESET, detail="the relay stopped before an answer came")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostOptions:
    allowed: tuple[Network, ...] = ()
    idle_connections: int = 256
    proxy: str = ""
    verify: bool = True
    ca_file: str | None = None
    resolve: Resolve = system_resolve


@dataclass(slots=True, kw_only=True, eq=False)
class _Flight:
    """A POST under way."""

    request: Request
    then: Then
    target: VettedUrl
    started: float


class Poster:
    def __init__(self, options: PostOptions) -> None:
        self._options = options
        self._names = Names(allowed=options.allowed, resolve=options.resolve)
        self._pump = Pump(self._finished, idle_connections=options.idle_connections)
        self._vet = lru_cache(maxsize=URLS)(partial(vet_url, allowed=options.allowed))
        self._flights: dict[pycurl.Curl, tuple[_Flight, Transfer]] = {}
        self._waiting: set[_Flight] = set()  # for their addresses
        self._spare: list[Transfer] = []
        self._quiet = Event()
        self._closed = False

    @property
    def in_flight(self) -> int:
        return len(self._flights) + len(self._waiting)

    def start(self, request: Request, then: Then) -> None:
        """Begins the POST and returns; `then` gets its outcome."""
        if self._closed:
            gevent.get_hub().loop.run_callback(then, CUT)
            return
        target = self._vet(request.url)
        if isinstance(target, Refused):
            self._pump.soon(partial(then, target))
            return
        flight = _Flight(request=request, then=then, target=target, started=monotonic())
        if target.literal is not None:
            self._aim(flight, (target.host,))
        elif (addresses := self._names.known((target.host, target.port))) is not None:
            self._aim(flight, addresses)
        else:
            self._wait(flight)

    def post(self, request: Request) -> Outcome:
        """The outcome; blocks the calling greenlet only."""
        answer: list[Outcome] = []
        done = Event()

        def keep(outcome: Outcome) -> None:
            answer.append(outcome)
            done.set()

        self.start(request, keep)
        done.wait()
        return answer[0]

    def close(self, within_s: float) -> None:
        """Takes no more, waits up to `within_s` for what is in flight, and ends the rest as Failed."""
        self._closed = True
        if self.in_flight:
            self._quiet.wait(within_s)
        self._pump.close()
        self._names.close()
        rest = [flight for flight, _ in self._flights.values()] + list(self._waiting)
        self._flights.clear()
        self._waiting.clear()
        for flight in rest:
            flight.then(CUT)

    def _wait(self, flight: _Flight) -> None:
        """For the addresses of its name, as long as its time lasts."""
        self._waiting.add(flight)
        timer = gevent.get_hub().loop.timer(flight.request.timeout_s)

        def settle(addresses: Addresses) -> None:
            if flight in self._waiting:
                self._waiting.remove(flight)
                timer.close()
                self._pump.soon(partial(self._aim, flight, addresses))

        place = (flight.target.host, flight.target.port)
        timer.start(settle, Failed(failure=Failure.DNS, detail=f"{place[0]}: no answer in time"))
        self._names.ask(place, settle)

    def _aim(self, flight: _Flight, addresses: Addresses) -> None:
        """Gives it to libcurl, with the address to connect to."""
        if not isinstance(addresses, tuple):
            self._pump.soon(partial(flight.then, addresses))
            return
        transfer = self._spare.pop() if self._spare else self._new_transfer()
        offset_s = monotonic() - flight.started
        transfer.fill(flight.request, address=addresses[0], port=flight.target.port, offset_s=offset_s)
        self._flights[transfer.curl] = (flight, transfer)
        self._pump.add(transfer.curl)

    def _new_transfer(self) -> Transfer:
        options = self._options
        return Transfer(ca_file=options.ca_file, verify=options.verify, proxy=options.proxy, opened=self._pump.opened)

    def _finished(self, curl: pycurl.Curl, code: int, sentence: str) -> None:
        flight, transfer = self._flights.pop(curl)
        outcome = transfer.outcome(code, sentence)
        self._pump.remove(curl)
        self._spare.append(transfer)
        if self._closed and not self.in_flight:
            self._quiet.set()
        flight.then(outcome)
