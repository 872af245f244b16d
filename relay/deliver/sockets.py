"""Which of libcurl's sockets are ready: a selector of our own, and one descriptor for gevent's loop to watch.

gevent's loop never sees libcurl's sockets: libev aborts the process when a descriptor that it watches is closed behind
its back, and libcurl opens and closes them as it sees fit.
"""

from selectors import EVENT_READ, EVENT_WRITE

import pycurl
from gevent.monkey import get_original

Selector = get_original("selectors", "DefaultSelector")

EVENTS = {pycurl.POLL_IN: EVENT_READ, pycurl.POLL_OUT: EVENT_WRITE, pycurl.POLL_INOUT: EVENT_READ | EVENT_WRITE}


class Sockets:
    """A socket that libcurl lets go of stays registered until its next use, or until something is heard from it.

    Most are kept connections, wanted again soon; taking each out and in would cost two system calls a POST.
    """

    def __init__(self) -> None:
        self._selector = Selector()
        self._watched: dict[int, int] = {}
        self._idle: set[int] = set()

    def fileno(self) -> int:
        """Readable whenever a socket is ready."""
        return int(self._selector.fileno())

    def ready(self) -> list[tuple[int, int]]:
        """Each socket that is ready now, and for what: libcurl's CSELECT_IN and CSELECT_OUT."""
        found = [(key.fd, events) for key, events in self._selector.select(0)]
        if self._idle:
            for fd in self._idle.intersection(fd for fd, _ in found):
                self.opened(fd)
        return [each for each in found if each[0] in self._watched]

    def watch(self, fd: int, what: int) -> None:
        """Heeds libcurl's wish (POLL_…). A descriptor that somebody else has closed can't be watched."""
        if what == pycurl.POLL_REMOVE:
            self._idle.add(fd)
            return
        self._idle.discard(fd)
        known = self._watched.get(fd)
        events = EVENTS.get(what, 0)
        if known == events:
            return
        try:
            if known is None:
                self._selector.register(fd, events)
            else:
                self._selector.modify(fd, events)
            self._watched[fd] = events
        except (OSError, KeyError, ValueError):
            self.opened(fd)

    def opened(self, fd: int) -> None:
        """Forgets what was known of `fd`: its number has just been given to a new socket."""
        self._idle.discard(fd)
        if self._watched.pop(fd, None) is not None:
            try:
                self._selector.unregister(fd)
            except KeyError:
                pass  # a selector forgets by itself what it could not modify

    def close(self) -> None:
        self._selector.close()
