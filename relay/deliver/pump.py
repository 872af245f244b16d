"""libcurl's multi handle on the gevent hub: all transfers of a process, driven by one greenlet, the pump.

No greenlet ever waits inside libcurl, so killing one can't cut a transfer in half, and nothing of libcurl runs on the
hub itself. The pump gives the hub its turn after each round of its own. What it calls must not block: it would hold up
every transfer.
"""

import math
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import gevent
import pycurl

from relay.deliver.sockets import Sockets

Finished = Callable[[pycurl.Curl, int, str], None]
"""Called with a handle, libcurl's error code (0: none) and its sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What connections may be kept."""

    connections: int  # in use and idle; idle ones make room for new ones, and beyond that transfers wait
    idle_s: float


class Pump:
    def __init__(self, finished: Finished, bounds: Bounds) -> None:
        self._finished = finished
        self._bounds = bounds
        self._sockets = Sockets()
        self._multi = self._new_multi()
        self._soon: deque[Callable[[], None]] = deque()
        self._under_way: set[pycurl.Curl] = set()
        self._due = math.inf  # when libcurl wants its next turn
        self._quiet_due = math.inf  # when what is kept of connections is let go
        self._armed = math.inf  # when the timer will ring
        self._parked = self._woken = self._listening = self._closed = False
        self._hub = gevent.get_hub()
        self._readable = self._hub.loop.io(self._sockets.fileno(), 1)
        self._timer = self._hub.loop.timer(0)
        self._greenlet = gevent.spawn(self._run)

    def add(self, curl: pycurl.Curl) -> None:
        """Starts the transfer; `finished` will be called for it."""
        self._under_way.add(curl)
        self._quiet_due = math.inf
        try:
            self._multi.add_handle(curl)
        except pycurl.error:
            self.soon(self._start_anew)

    def remove(self, curl: pycurl.Curl) -> None:
        """Takes the handle out; it may then be used again."""
        self._under_way.remove(curl)
        if not self._under_way:
            self._quiet_due = monotonic() + self._bounds.idle_s
        try:
            self._multi.remove_handle(curl)
        except pycurl.error:
            pass  # it was another multi handle's: see `_start_anew`

    def soon(self, call: Callable[[], None]) -> None:
        """Calls `call` in the pump's next round."""
        self._soon.append(call)
        self._wake()

    def opened(self, fd: int) -> None:
        """Forgets what was known of `fd`: its number has just been given to a new socket."""
        self._sockets.opened(fd)

    def close(self) -> None:
        """Ends the greenlet and every connection, and calls what was to be called soon. Not for what the pump calls."""
        self._closed = True
        self._greenlet.kill()
        while self._soon:
            self._call(self._soon.popleft())
        for watcher in (self._readable, self._timer):
            watcher.stop()
            watcher.close()
        self._multi.close()
        self._sockets.close()

    def _run(self) -> None:
        while True:
            self._park()
            self._turn()

    def _park(self) -> None:
        """Sleeps until a socket is ready, libcurl's time has come, or somebody wants the next round."""
        due = min(self._due, self._quiet_due)
        if self._soon or due <= monotonic():
            self._wake()
        elif due < self._armed:
            self._arm(due)
        if not self._listening:
            self._listening = True
            self._readable.start(self._switch)
        self._parked = True
        try:
            self._hub.switch()
        finally:
            self._parked = False

    def _arm(self, due: float) -> None:
        """A timer that rings too early is left alone, so that it is set anew only about once per timeout."""
        self._armed = due
        self._timer.stop()
        self._timer.close()
        self._timer = self._hub.loop.timer(max(0.0, due - monotonic()))
        self._timer.start(self._ring)

    def _ring(self) -> None:
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
        try:
            self._drive()
        except pycurl.error:
            self._start_anew()
        for _ in range(len(self._soon)):
            self._call(self._soon.popleft())
        if self._quiet_due <= monotonic():
            self._start_anew()  # libcurl looks after idle connections only when the next transfer starts

    def _drive(self) -> None:
        act = self._multi.socket_action
        for fd, ready in self._sockets.ready():
            act(fd, ready)
        if self._due <= monotonic():
            self._due = math.inf
            act(pycurl.SOCKET_TIMEOUT, 0)
        _, whole, broken = self._multi.info_read()
        for curl in whole:
            self._finish(curl, pycurl.E_OK, "")
        for curl, code, sentence in broken:
            self._finish(curl, code, sentence)

    def _finish(self, curl: pycurl.Curl, code: int, sentence: str) -> None:
        try:
            self._finished(curl, code, sentence)
        except Exception:  # noqa: BLE001  the pump must not die of what it calls; the hub tells
            self._hub.handle_error(self, *sys.exc_info())

    def _call(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:  # noqa: BLE001  the same
            self._hub.handle_error(self, *sys.exc_info())

    def _start_anew(self) -> None:
        """A new multi handle: all connections end, and with them what is under way, if anything is.

        A multi handle is dead for ever once a callback of its has failed, which ours never do; out of memory it may be.
        """
        lost, self._multi = self._multi, self._new_multi()
        self._quiet_due = self._due = math.inf
        lost.close()
        for curl in tuple(self._under_way):
            self._finish(curl, pycurl.E_GOT_NOTHING, "libcurl had to be started anew")

    def _new_multi(self) -> pycurl.CurlMulti:
        multi = pycurl.CurlMulti()
        multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        multi.setopt(pycurl.M_TIMERFUNCTION, self._expect)
        multi.setopt(pycurl.M_MAXCONNECTS, self._bounds.connections)
        multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, self._bounds.connections)
        return multi

    def _watch(self, what: int, fd: int, _multi: pycurl.CurlMulti, _known: None) -> None:
        self._sockets.watch(fd, what)

    def _expect(self, wait_ms: int) -> None:
        """libcurl's wish: when it wants a turn even if no socket is ready."""
        if wait_ms < 0:
            self._due = math.inf
            return
        self._due = monotonic() + wait_ms / 1000
        if self._parked and self._due < self._armed:
            self._wake()
