"""Names to vetted addresses: asked in threads of their own, each name once at a time, remembered for a few seconds."""

import ipaddress
import socket
from collections import deque
from collections.abc import Callable, Collection
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import gevent
from gevent.event import AsyncResult
from gevent.monkey import get_original
from gevent.threadpool import ThreadPool
from msgspec import Struct

from relay.core.address import Network, vet_answers
from relay.core.outcome import Failed, Failure, Refused, Timing

if TYPE_CHECKING:
    from gevent._types import _TimerWatcher

Resolve = Callable[[str, int], list[str]]
"""All addresses of a name; raises OSError. Runs in a thread, and may block."""

Addresses = tuple[str, ...] | Refused | Failed
"""What came of a name: addresses that may all be posted to, or why there are none."""

Place = tuple[str, int]

EVERYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))

THREADS = 16
"""Names asked for at once. One whose servers don't answer holds a thread for as long as the system's resolver tries."""

ADDRESSES = 4
"""How many addresses of one name are tried; the first that lets us connect gets the POST."""

NAMES = 10_000
"""How many answers are remembered at most."""


def system_resolve(host: str, port: int) -> list[str]:
    """What the operating system says: hosts file, DNS, its own order of preference."""
    getaddrinfo = get_original("socket", "getaddrinfo")
    found = getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class _Question(Struct, frozen=True, eq=False):
    """One who asked, and the timer that ends their patience."""

    then: Callable[[Addresses], None]
    timer: "_TimerWatcher"

    def end(self) -> None:
        self.timer.stop()
        self.timer.close()


class Names:
    def __init__(self, *, allowed: Collection[Network], resolve: Resolve, fresh_s: float) -> None:
        self._fresh_s = fresh_s
        self._allowed = allowed
        self._resolve = resolve
        self._fresh: dict[Place, tuple[float, Addresses]] = {}
        self._asked: dict[Place, set[_Question]] = {}
        self._under_way: set[Place] = set()
        self._queue: deque[Place] = deque()  # of these, those for which no thread is free
        self._threads = ThreadPool(THREADS)

    def known(self, place: Place, now: float) -> Addresses | None:
        """What was found in the last seconds, if anything."""
        fresh = self._fresh.get(place)
        return fresh[1] if fresh is not None and fresh[0] > now else None

    def ask(self, place: Place, then: Callable[[Addresses], None], *, within_s: float) -> None:
        """Returns at once; calls `then` once, on the hub, with the answer or with Failed when the time is up."""
        timer = gevent.get_hub().loop.timer(max(0.0, within_s))
        question = _Question(then, timer)
        timer.start(self._give_up, place, question, within_s)
        asked = self._asked.setdefault(place, set())
        asked.add(question)
        if place not in self._under_way:
            self._under_way.add(place)
            self._queue.append(place)
            self._employ()

    def prefer(self, place: Place, address: str) -> None:
        """Puts `address` first: another one of that name didn't let us connect."""
        until, addresses = self._fresh.get(place, (0.0, ()))
        if isinstance(addresses, tuple) and address in addresses:
            self._fresh[place] = (until, (address, *(other for other in addresses if other != address)))

    def close(self) -> None:
        """Lets the threads go; one that still waits for an answer ends when it has it."""
        for question in [question for asked in self._asked.values() for question in asked]:
            question.end()
        self._asked.clear()
        self._queue.clear()
        self._threads.maxsize = 0

    def _employ(self) -> None:
        while self._queue and len(self._under_way) - len(self._queue) < THREADS:
            place = self._queue.popleft()
            self._threads.spawn(self._look_up, place).rawlink(partial(self._found, place))

    def _look_up(self, place: Place) -> Addresses:
        """In a thread."""
        host, port = place
        try:
            answers = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            return Failed(failure=Failure.DNS, detail=f"{host}: {error}")
        if not answers:
            return Failed(failure=Failure.DNS, detail=f"{host} has no address")
        return vet_answers(host, answers, self._allowed) or tuple(answers[:ADDRESSES])

    def _found(self, place: Place, done: "AsyncResult[Addresses]") -> None:
        self._under_way.discard(place)
        addresses = done.value or Failed(failure=Failure.DNS, detail=f"{place[0]}: {done.exception}")
        _, before = self._fresh.pop(place, (0.0, ()))
        if len(self._fresh) >= NAMES:
            self._fresh.clear()
        self._fresh[place] = (monotonic() + self._fresh_s, addresses)
        if isinstance(before, tuple) and before:
            self.prefer(place, before[0])  # connections to it stand already
        for question in self._asked.pop(place, ()):
            question.end()
            question.then(addresses)
        self._employ()

    def _give_up(self, place: Place, question: _Question, within_s: float) -> None:
        self._asked[place].discard(question)
        question.end()
        late = Timing(dns_s=within_s, total_s=within_s)
        question.then(Failed(failure=Failure.DNS, detail=f"{place[0]}: no answer in time", timing=late))
