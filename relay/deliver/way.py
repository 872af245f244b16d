"""Ways to endpoints, and the connections that are kept on them."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from relay.deliver.link import Link


@dataclass(frozen=True, slots=True, kw_only=True, weakref_slot=True, eq=False)
class Way:
    """From here to an endpoint. Connections are kept for the very same way only: name, vetted address, proxy."""

    host: str  # the name in the URL: what TLS verifies
    address: str  # the one that was vetted
    port: int
    secure: bool
    proxy: tuple[str, int] | None = None  # address and port of the proxy, if there is one
    login: str = ""  # for the proxy: its Proxy-Authorization
    idle: "list[Link]" = field(default_factory=list, init=False, repr=False)  # Kept's

    @property
    def peer(self) -> tuple[str, int]:
        """Whom the socket is connected to."""
        return self.proxy or (self.address, self.port)


class Ways:
    """There is one `Way` for the same way."""

    def __init__(self) -> None:
        self._known: WeakValueDictionary[tuple[object, ...], Way] = WeakValueDictionary()

    def the(self, way: Way) -> Way:
        return self._known.setdefault((way.host, way.address, way.port, way.secure, way.proxy, way.login), way)


class Kept:
    """Idle connections: the youngest of a way is used first, the oldest of all makes room."""

    def __init__(self, *, limit: int, idle_s: float) -> None:
        self.wake_at: Callable[[float], None] = _nobody
        """Called with the time at which `expire` is wanted, when the first of several becomes idle."""
        self._limit = limit
        self._idle_s = idle_s
        self._since: dict[Link, float] = {}  # the one that has been idle longest comes first

    def take(self, way: Way) -> "Link | None":
        """One on which to post now."""
        if not way.idle:
            return None
        link = way.idle.pop()
        del self._since[link]
        return link

    def keep(self, link: "Link", now: float) -> None:
        link.way.idle.append(link)
        if not self._since:
            self.wake_at(now + self._idle_s)
        self._since[link] = now
        if len(self._since) > self._limit:
            next(iter(self._since)).close()

    def forget(self, link: "Link") -> None:
        """It has closed."""
        if self._since.pop(link, None) is not None:
            link.way.idle.remove(link)

    def expire(self, now: float) -> float:
        """Closes what has been idle too long. Answers when the next one will have been; infinity if none is idle."""
        for link in tuple(self._overdue(now)):
            link.close()
        return next((since + self._idle_s for since in self._since.values()), math.inf)

    def close(self) -> None:
        for link in tuple(self._since):
            link.close()

    def _overdue(self, now: float) -> "Iterator[Link]":
        for link, since in self._since.items():
            if since + self._idle_s > now:
                return
            yield link


def _nobody(_when: float) -> None:
    pass
