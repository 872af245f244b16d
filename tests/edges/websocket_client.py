"""A WebSocket client for tests, on `websockets`' Sans-IO protocol: it reads only when asked, in the greenlet that asks.

(`websockets.sync` reads in a thread of its own; patched by gevent, that one closes its socket under its own feet when
messages are left unread, and libev then aborts the process.)
"""

import socket
import time
from collections import deque
from collections.abc import Mapping
from typing import Self

from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Origin
from websockets.uri import parse_uri

from tests.waiting import PATIENCE_S

DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
NO_HEADERS: Mapping[str, str] = {}


class WebSocketClient:
    """Raises InvalidStatus when the server refuses, ConnectionClosed at the end."""

    def __init__(self, url: str, *, origin: str | None = None, headers: Mapping[str, str] = NO_HEADERS) -> None:
        address = parse_uri(url)
        offers = [ClientPerMessageDeflateFactory()]
        said = None if origin is None else Origin(origin)
        self.protocol = ClientProtocol(address, origin=said, extensions=offers, max_size=None)
        self.pongs: list[bytes] = []
        self._inbox: deque[str | bytes] = deque()
        self._pieces: list[Frame] = []
        self._socket = socket.create_connection((address.host, address.port), timeout=10)
        request = self.protocol.connect()
        request.headers.update(headers)
        self.protocol.send_request(request)
        self._write()
        while self.protocol.state is State.CONNECTING:
            self._read(10)
        if self.protocol.handshake_exc is not None:
            self._socket.close()
            raise self.protocol.handshake_exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, message: str | bytes) -> None:
        if isinstance(message, str):
            self.protocol.send_text(message.encode())
        else:
            self.protocol.send_binary(message)
        self._write()

    def send_pieces(self, first: str, *rest: str) -> None:
        """One message in fragments."""
        self.protocol.send_text(first.encode(), fin=False)
        for number, piece in enumerate(rest, start=1):
            self.protocol.send_continuation(piece.encode(), fin=number == len(rest))
        self._write()

    def ping(self, payload: bytes) -> None:
        """What comes back is in `pongs`, once it has been read."""
        self.protocol.send_ping(payload)
        self._write()

    def recv(self, timeout: float = PATIENCE_S) -> str | bytes:
        """The next message. Raises TimeoutError, and ConnectionClosed at the end."""
        deadline = time.monotonic() + timeout
        while not self._inbox:
            if self.protocol.state is State.CLOSED:
                raise self.protocol.close_exc
            self._read(max(0.001, deadline - time.monotonic()))
        return self._inbox.popleft()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Says goodbye, waits a moment for the answer."""
        try:
            if self.protocol.state is State.OPEN:
                self.protocol.send_close(code, reason)
                self._write()
            while self.protocol.state is not State.CLOSED:
                self._read(0.5)
        except OSError:
            pass  # it has other things to do, or is gone
        finally:
            self._socket.close()

    def _read(self, within_s: float) -> None:
        self._socket.settimeout(within_s)
        try:
            received = self._socket.recv(65536)
        except ConnectionResetError:
            received = b""
        if received:
            self.protocol.receive_data(received)
        else:
            self.protocol.receive_eof()
        for event in self.protocol.events_received():
            if isinstance(event, Response):
                continue
            if isinstance(event, Frame):
                self._collect(event)
        self._write()

    def _collect(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG:
            self.pongs.append(bytes(frame.data))
        if frame.opcode not in DATA:
            return
        self._pieces.append(frame)
        if frame.fin:
            whole = b"".join(piece.data for piece in self._pieces)
            self._inbox.append(whole.decode() if self._pieces[0].opcode is Opcode.TEXT else whole)
            self._pieces.clear()

    def _write(self) -> None:
        for chunk in self.protocol.data_to_send():
            try:
                if chunk:
                    self._socket.sendall(chunk)
                else:
                    self._socket.shutdown(socket.SHUT_WR)
            except OSError:
                return  # reading will tell
