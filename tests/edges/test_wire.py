"""The opening of one WebSocket, where the answer's head ends and the frames begin."""

import termios
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from fcntl import ioctl

import gevent
import pytest
from gevent import socket
from websockets.http11 import Request
from websockets.server import ServerProtocol

from relay.slack.dial import Dialer
from relay.slack.options import SlackOptions
from relay.slack.wire import Wire, WireLost
from tests.waiting import PATIENCE_S, until


@dataclass
class Slack:
    """Answers in two pieces, cut `cut` bytes behind the end of the answer's head, and leaves."""

    cut: int
    texts: list[bytes]
    has_read: Callable[[], bool]  # the other end, all that came

    def talk(self, stream: socket.socket) -> None:
        protocol = ServerProtocol()
        protocol.receive_data(stream.recv(65536))
        [request] = protocol.events_received()
        assert isinstance(request, Request)
        protocol.send_response(protocol.accept(request))
        head = b"".join(protocol.data_to_send())
        for text in self.texts:
            protocol.send_text(text)
        said = head + b"".join(protocol.data_to_send())
        stream.sendall(said[: len(head) + self.cut])
        until(self.has_read, saying="the first piece is read, alone")
        stream.sendall(said[len(head) + self.cut :])
        stream.close()


class Watched(Dialer):
    def dial(self, host: str, port: int, *, secure: bool) -> socket.socket:
        self.stream = super().dial(host, port, secure=secure)
        return self.stream

    def has_read(self) -> bool:
        """Whether nothing that came lies unread."""
        unread = array("i", [0])
        ioctl(self.stream, termios.FIONREAD, unread)
        return unread[0] == 0


def all_texts(wire: Wire) -> list[bytes]:
    """Until the other end leaves."""
    texts: list[bytes] = []
    try:
        while True:
            texts += wire.receive(PATIENCE_S).texts
    except WireLost:
        return texts


@pytest.mark.parametrize("cut", [-100, -5, -4, -3, -2, -1, 0, 1, 2, 5, 9])
def test_however_the_answer_comes_the_frames_behind_it_are_all_there(cut: int) -> None:
    dialer = Watched(SlackOptions(api_url="http://slack.test/"))
    slack = Slack(cut, [b'{"a":"\r\n\r\n"}', b"second"], dialer.has_read)
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    host, port = server.getsockname()
    talking = gevent.spawn(lambda: slack.talk(server.accept()[0]))
    wire = Wire.open(f"ws://{host}:{port}/", dialer, within_s=PATIENCE_S)
    assert all_texts(wire) == slack.texts
    wire.close()
    talking.get()
    server.close()
