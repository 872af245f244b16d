"""A bare libcurl-multi loop: handles set up once, an epoll, and nothing else."""

import select
from collections.abc import Iterator

import pycurl

from benchmarks.limit import IN_FLIGHT

Signed = Iterator[tuple[list[str], bytes]]
READ, WRITE = select.EPOLLIN, select.EPOLLOUT


class _Loop:
    def __init__(self, url: str, ca_file: str | None) -> None:
        self._url, self._ca_file = url, ca_file
        self._epoll = select.epoll()
        self._known: set[int] = set()
        self._wait_s = -1.0
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._expect)

    def post_all(self, posts: Signed) -> int:
        done, flying = 0, 0
        for curl in [self._handle() for _ in range(IN_FLIGHT)]:
            flying += self._begin(curl, posts)
        while flying:
            for curl in self._ended():
                done += curl.getinfo(pycurl.RESPONSE_CODE) == 200
                self._multi.remove_handle(curl)
                flying += self._begin(curl, posts) - 1
        self._multi.close()
        self._epoll.close()
        return done

    def _handle(self) -> pycurl.Curl:
        curl = pycurl.Curl()
        curl.setopt(pycurl.URL, self._url)
        curl.setopt(pycurl.POST, 1)
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.WRITEFUNCTION, len)
        if self._ca_file:
            curl.setopt(pycurl.CAINFO, self._ca_file)
        return curl

    def _begin(self, curl: pycurl.Curl, posts: Signed) -> int:
        for lines, body in posts:
            curl.setopt(pycurl.HTTPHEADER, lines)
            curl.setopt(pycurl.POSTFIELDS, body)
            self._multi.add_handle(curl)
            return 1
        return 0

    def _ended(self) -> list[pycurl.Curl]:
        """Handles whose POST has ended, after one round of the loop."""
        act = self._multi.socket_action
        ready = self._epoll.poll(self._wait_s)
        for fd, what in ready:
            act(fd, (pycurl.CSELECT_IN if what & ~WRITE else 0) | (pycurl.CSELECT_OUT if what & ~READ else 0))
        if not ready or self._wait_s == 0:
            self._wait_s = -1.0
            act(pycurl.SOCKET_TIMEOUT, 0)
        _, whole, broken = self._multi.info_read()
        if broken:
            raise SystemExit(f"a POST of the limit failed: {broken[0][1:]}")
        return whole

    def _watch(self, what: int, fd: int, _multi: pycurl.CurlMulti, _known: None) -> None:
        if what == pycurl.POLL_REMOVE:
            if fd in self._known:
                self._known.discard(fd)
                self._epoll.unregister(fd)
            return
        events = (READ if what & pycurl.POLL_IN else 0) | (WRITE if what & pycurl.POLL_OUT else 0)
        if fd in self._known:
            self._epoll.modify(fd, events)
        else:
            self._known.add(fd)
            self._epoll.register(fd, events)

    def _expect(self, wait_ms: int) -> None:
        self._wait_s = wait_ms / 1000 if wait_ms >= 0 else -1.0


def post_all(posts: Signed, url: str, ca_file: str | None) -> int:
    """How many were answered with 200."""
    return _Loop(url + "/hook", ca_file).post_all(posts)
