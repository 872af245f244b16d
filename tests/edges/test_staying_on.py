"""`relay tail` and `relay listen` behind a network that goes away without a word."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from urllib.parse import urlsplit

import gevent
import pytest
from gevent import socket
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer

from relay.cli.stream import Stream
from tests.edges.desk import TOKEN, Desk, open_desk
from tests.store.filled import envelope
from tests.waiting import until


@pytest.fixture
def desk(redis_url: str) -> Iterator[Desk]:
    with open_desk(redis_url) as desk:
        yield desk


class Network:
    """Carries bytes to the relay. `go_silent`: what is open stays open, and nothing goes through it any more, as when
    a laptop slept or a NAT forgot it; new connections work.
    """

    def __init__(self, relay: str) -> None:
        place = urlsplit(relay)
        self._far = (place.hostname, place.port)
        self._carriers = Pool()
        self._server = StreamServer(("127.0.0.1", 0), self._carry, spawn=self._carriers)
        self._flows = Event()
        self.connections = 0
        self.pieces = 0  # that went through, either way

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def open(self) -> Iterator["Network"]:
        self._flows.set()
        self._server.start()
        try:
            yield self
        finally:
            self._server.stop(timeout=0)
            self._carriers.kill()

    def go_silent(self) -> None:
        self._flows.clear()
        self._flows = Event()
        self._flows.set()

    def _carry(self, near: socket.socket, _peer: object) -> None:
        self.connections += 1
        flows = self._flows
        with socket.create_connection(self._far) as far:
            back = gevent.spawn(self._pour, far, near, flows)
            try:
                self._pour(near, far, flows)
            finally:
                back.kill()

    def _pour(self, source: socket.socket, sink: socket.socket, flows: Event) -> None:
        try:
            while chunk := source.recv(65536):
                flows.wait()
                sink.sendall(chunk)
                self.pieces += 1
        except OSError:
            pass  # one of the two is gone


@contextmanager
def watching(network: Network, said: list[str]) -> Iterator[list[str]]:
    """The events that a watcher is told, as they come."""
    seen: list[str] = []
    stream = Stream(network.url, TOKEN, {}, say=said.append, silence_s=0.3)

    def watch() -> None:
        seen.extend(str(frame.part("event").get("id")) for frame in stream.frames())

    watcher = gevent.spawn(watch)
    try:
        yield seen
    finally:
        watcher.kill()


def begin(desk: Desk, seen: list[str]) -> None:
    """Nobody hears what came before they did: say something until it is heard."""
    numbers = count()
    until(lambda: desk.store.append(f"EvBegin{next(numbers)}") and seen)


def test_a_connection_that_is_dead_and_looks_alive_is_replaced_and_nothing_is_missed(desk: Desk) -> None:
    said: list[str] = []
    with Network(desk.url).open() as network, watching(network, said) as seen:
        begin(desk, seen)
        network.go_silent()
        desk.store.append("Ev2")
        until(lambda: "Ev2" in seen, saying="what came while nobody heard is told again")
        desk.store.append("Ev3")
        until(lambda: "Ev3" in seen)
    assert [name for name in seen if not name.startswith("EvBegin")] == ["Ev2", "Ev3"]
    assert "it has said nothing for 0.6 s" in said[0]
    assert said[-1] == "Watching again, from where it ended."
    assert network.connections == 2


def test_a_quiet_relay_is_not_taken_for_a_dead_one(desk: Desk) -> None:
    said: list[str] = []
    with Network(desk.url).open() as network, watching(network, said) as seen:
        begin(desk, seen)
        told = network.pieces
        until(lambda: network.pieces > told + 6, saying="three silences have ended, each with a ping and its pong")
        desk.store.journal.append([envelope("Ev2")])
        until(lambda: "Ev2" in seen)
    assert said == []
    assert network.connections == 1
