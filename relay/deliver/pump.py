"""All connections to endpoints, driven by one greenlet, the pump.

Their sockets are not given to gevent's loop but to a selector of the pump's own, and the loop watches that one: a round
serves all that is ready in one greenlet, without a switch for each. The pump gives the hub its turn after each round.
What it calls must not block: it would hold up every POST.
"""

import errno
import math
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector
from time import monotonic
from typing import TYPE_CHECKING, Protocol

import gevent
from gevent.monkey import get_original

if TYPE_CHECKING:
    from select import epoll

IN, OUT, ALL_BITS = 0x1, 0x4, 0x3F
"""EPOLLIN, EPOLLOUT; all else that epoll tells is an end or an error, which whoever reads or writes will see."""

MEANING = tuple((EVENT_READ if bits & ~OUT else 0) | (EVENT_WRITE if bits & ~IN else 0) for bits in range(ALL_BITS + 1))

CLOSED_BY_OTHERS = "somebody else has closed a descriptor of ours"


class Ready(Protocol):
    """Something with a socket."""

    def on_ready(self, events: int) -> None:
        """It can be read, or written: EVENT_READ and EVENT_WRITE of `selectors`."""


class Pump:
    def __init__(self) -> None:
        self.ring: Callable[[float], float] = _never
        """Called with the time when a wish of `wake_at` has come due; answers with the next, or infinity."""
        self._selector: BaseSelector = get_original("selectors", "DefaultSelector")()
        self._epoll = _epoll_of(self._selector.fileno())
        self._watched: dict[int, Ready] = {}
        self._soon: deque[Callable[[], None]] = deque()
        self._due = math.inf
        self._armed = math.inf  # when the timer will go off
        self._parked = self._woken = self._listening = self._closed = False
        self._hub = gevent.get_hub()
        self._readable = self._hub.loop.io(self._selector.fileno(), 1)
        self._timer = self._hub.loop.timer(0)
        self._greenlet = gevent.spawn(self._run)

    def watch(self, fd: int, events: int, ready: Ready) -> None:
        """Calls `ready.on_ready` when `fd` is ready for one of `events`. Raises OSError."""
        try:
            self._selector.register(fd, events, ready)
        except KeyError:
            raise OSError(errno.EBADF, CLOSED_BY_OTHERS) from None
        self._watched[fd] = ready

    def rewatch(self, fd: int, events: int, ready: Ready) -> None:
        """The same for other events. Raises OSError."""
        try:
            self._selector.modify(fd, events, ready)
        except KeyError:
            raise OSError(errno.EBADF, CLOSED_BY_OTHERS) from None

    def unwatch(self, fd: int) -> None:
        try:
            self._selector.unregister(fd)
        except KeyError:
            pass
        self._watched.pop(fd, None)

    def soon(self, call: Callable[[], None]) -> None:
        """Calls `call` in the pump's next round."""
        self._soon.append(call)
        self._wake()

    def wake_at(self, due: float) -> None:
        """Rings then, or before."""
        if due < self._due:
            self._due = due
            if self._parked and due < self._armed:
                self._wake()

    def close(self) -> None:
        """Ends the greenlet, and calls what was to be called soon. Not for what the pump calls."""
        self._closed = True
        self._greenlet.kill()
        while self._soon:
            self._call(self._soon.popleft())
        for watcher in (self._readable, self._timer):
            watcher.stop()
            watcher.close()
        if self._epoll is not None:
            self._epoll.close()
        self._selector.close()

    def _run(self) -> None:
        while True:
            self._park()
            self._turn()

    def _park(self) -> None:
        """Sleeps until a socket is ready, the time has come, or somebody wants the next round."""
        if self._soon:
            self._wake()
        elif self._due < self._armed:
            self._arm()
        if not self._listening:
            self._listening = True
            self._readable.start(self._switch)
        self._parked = True
        try:
            self._hub.switch()
        finally:
            self._parked = False

    def _arm(self) -> None:
        """A timer that goes off too early is left alone, so that it is set anew only about once in a POST's time."""
        self._armed = self._due
        self._timer.stop()
        self._timer.close()
        self._timer = self._hub.loop.timer(max(0.0, self._due - monotonic()))
        self._timer.start(self._go_off)

    def _go_off(self) -> None:
        self._armed = math.inf
        self._switch()

    def _wake(self) -> None:
        if not self._woken and not self._closed:
            self._woken = True
            self._hub.loop.run_callback(self._switch)

    def _switch(self) -> None:
        """On the hub: gives the pump its round."""
        if self._parked:
            self._greenlet.switch()
        elif self._listening:
            self._listening = False  # held up by what it called: stop asking until it parks again
            self._readable.stop()

    def _turn(self) -> None:
        self._woken = False
        for ready, events in self._poll():
            try:
                ready.on_ready(events)
            except Exception:  # noqa: BLE001  the pump must not die of what it calls; the hub tells
                self._hub.handle_error(self, *sys.exc_info())
        for _ in range(len(self._soon)):
            self._call(self._soon.popleft())
        now = monotonic()
        if self._due <= now:
            self._due = math.inf
            self._call(partial(self._ask, now))

    def _poll(self) -> Iterable[tuple[Ready, int]]:
        """What is ready, and for what."""
        if self._epoll is None:
            return [(key.data, events) for key, events in self._selector.select(0)]
        watched = self._watched
        return [(watched[fd], MEANING[bits & ALL_BITS]) for fd, bits in self._epoll.poll(0) if fd in watched]

    def _ask(self, now: float) -> None:
        self.wake_at(self.ring(now))

    def _call(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:  # noqa: BLE001  the same
            self._hub.handle_error(self, *sys.exc_info())


def _epoll_of(fd: int) -> "epoll | None":
    """The same epoll without its wrapping, which takes longer to say what is ready than epoll to know it; None where
    that is not Linux' way.
    """
    try:
        made: epoll = get_original("select", "epoll").fromfd(os.dup(fd))
    except AttributeError:
        return None
    return made


def _never(_now: float) -> float:
    return math.inf
