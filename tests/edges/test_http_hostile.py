"""WebSockets against peers that mean harm. The server is a process of its own: some of these once aborted it.

libev asserts when a descriptor is closed while somebody waits for it: a peer that never reads, then pings, closes or
resets, once killed a whole gevent-websocket server. Each test ends by asking the server whether it still answers.
"""

import socket
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator

import pytest

from tests.edges.raw import connected, everything, reset
from tests.edges.test_http_websocket import UPGRADE
from tests.waiting import until

MASK = b"\x01\x02\x03\x04"
TEXT, BINARY, CONTINUED, CLOSE, PING = 1, 2, 0, 8, 9


def frame(opcode: int, payload: bytes = b"", *, last: bool = True) -> bytes:
    """A frame as a client sends it."""
    head = bytes([opcode | (0x80 if last else 0)])
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack("!H", len(payload))
    return head + length + MASK + bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))


FLOOD = frame(TEXT, b"flood")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    serve = "import gevent.monkey; gevent.monkey.patch_all(); from tests.edges.echo import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", serve], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield int(process.stdout.readline())
    _, complaints = process.communicate("\n", timeout=20)
    assert process.returncode == 0
    assert complaints == ""


@pytest.fixture(autouse=True)
def _still_answers(port: int) -> Iterator[None]:
    yield
    with connected(port, b"GET / HTTP/1.0\r\n\r\n") as client:
        assert everything(client).endswith(b"hello")
    with connected(port, UPGRADE + frame(TEXT, b"hello")) as client:
        hear(client, b"\x81\x05hello")


def hear(client: socket.socket, expected: bytes) -> None:
    """Reads until the server has said it."""
    said = b""
    while expected not in said:
        chunk = client.recv(65536)
        assert chunk, f"it ended after {said!r}"
        said += chunk


def is_full(client: socket.socket) -> bool:
    """The server's flood has filled our buffer, and soon fills its own."""
    return len(client.recv(10_000_000, socket.MSG_PEEK)) > 100_000


def say_and_reset(client: socket.socket, sent: bytes) -> None:
    client.sendall(sent)
    reset(client)


Act = Callable[[socket.socket], None]

ACTS: dict[str, Act] = {
    "waits": lambda client: None,
    "pings": lambda client: client.sendall(frame(PING, b"there?") * 1000),
    "closes": lambda client: client.sendall(frame(CLOSE, struct.pack("!H", 1000))),
    "half-closes": lambda client: client.shutdown(socket.SHUT_WR),
    "resets": reset,
    "pings and resets": lambda client: say_and_reset(client, frame(PING) * 100),
    "closes and resets": lambda client: say_and_reset(client, frame(CLOSE)),
    "talks nonsense": lambda client: client.sendall(b"\xff" * 1000),
    "asks the view to leave": lambda client: client.sendall(frame(TEXT, b"leave")),
    "asks the view to fail": lambda client: client.sendall(frame(TEXT, b"return")),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())
@pytest.mark.parametrize("when", ["at once", "when all buffers are full"])
def test_a_peer_that_never_reads_harms_only_itself(port: int, act: Act, when: str) -> None:
    with connected(port, UPGRADE + FLOOD) as client:
        if when == "when all buffers are full":
            until(lambda: is_full(client))
        act(client)
        if client.fileno() >= 0:
            until(lambda: is_cut(client), within_s=5)


def is_cut(client: socket.socket) -> bool:
    """The server has let go of us, with what it had sent still unread."""
    try:
        client.sendall(frame(PING))
    except OSError:
        return True
    return False


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x81\x05hello", 1002),  # not masked
        (b"\x82\xff" + struct.pack("!Q", 3 << 30) + MASK, 1009),  # "3 GiB follow"
        (b"\x82\xff" + struct.pack("!Q", 1 << 63) + MASK, 1009),
        (frame(TEXT, b"\xff\xfe"), 1007),
        (frame(TEXT, b"\xc3", last=False) + frame(CONTINUED, b"("), 1007),
        (frame(CONTINUED, b"of what?"), 1002),
        (frame(TEXT, b"one", last=False) + frame(TEXT, b"another"), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(PING, last=False), 1002),
        (b"\x83\x80" + MASK, 1002),  # an opcode that does not exist
        (b"\xb1\x80" + MASK, 1002),  # reserved bits
        (frame(CLOSE, b"\x03"), 1002),
        (frame(CLOSE, struct.pack("!H", 1005)), 1002),
        (frame(CLOSE, struct.pack("!H", 1000) + b"\xff"), 1007),
    ],
)
def test_broken_frames_end_it_with_their_code(port: int, sent: bytes, code: int) -> None:
    with connected(port, UPGRADE + sent) as client:
        _, _, said = everything(client).partition(b"\r\n\r\n")
    assert said[0] == 0x88
    assert struct.unpack("!H", said[2:4])[0] == code


def test_a_flood_of_fragments_is_cut_off(port: int) -> None:
    fragment = frame(CONTINUED, b"x" * 100, last=False)
    with connected(port, UPGRADE + frame(TEXT, b"x", last=False)) as client:
        client.sendall(fragment * 3000)
        _, _, said = everything(client).partition(b"\r\n\r\n")
    assert struct.unpack("!H", said[2:4])[0] == 1009


def test_empty_fragments_cost_nothing(port: int) -> None:
    empty = frame(CONTINUED, last=False)
    with connected(port, UPGRADE + frame(TEXT, b"a", last=False) + empty * 10_000 + frame(CONTINUED, b"b")) as client:
        hear(client, b"\x81\x02ab")


def test_a_frame_that_drips_is_read(port: int) -> None:
    with connected(port, UPGRADE) as client:
        for byte in frame(TEXT, b"slow, but here"):
            client.sendall(bytes([byte]))
        hear(client, b"slow, but here")


def test_a_bomb_that_inflates_beyond_the_limit_ends_it(port: int) -> None:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = (squeeze.compress(b" " * 50_000_000) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4]
    offer = UPGRADE.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
    compressed = b"\xc1" + frame(TEXT, bomb)[1:]  # the first bit that is reserved for extensions
    with connected(port, offer + compressed) as client:
        head, _, said = everything(client).partition(b"\r\n\r\n")
    assert b"permessage-deflate" in head
    assert struct.unpack("!H", said[2:4])[0] == 1009


def test_a_storm_of_comings_and_goings_leaves_the_server_well(port: int) -> None:
    for number in range(200):
        with connected(port, UPGRADE + FLOOD) as client:
            if number % 2:
                reset(client)
