"""WebSockets between our server and a client that behaves."""

from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Close

from relay.http.server import HttpServer
from relay.http.websocket import WebSocketClosed
from tests.edges import echo
from tests.edges.raw import connected, everything
from tests.edges.websocket_client import WebSocketClient
from tests.waiting import until

UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    server = echo.server()
    server.start()
    yield server
    server.stop(within_s=1)


def dial(server: HttpServer, path: str = "/ws", origin: str | None = None) -> WebSocketClient:
    return WebSocketClient(f"ws://127.0.0.1:{server.port}{path}", origin=origin)


def end_of(client: WebSocketClient) -> Close | None:
    """How the server ended it."""
    with pytest.raises(ConnectionClosed) as ended:
        client.recv(timeout=5)
    return ended.value.rcvd


def refusal(server: HttpServer, path: str, origin: str | None = None) -> int:
    with pytest.raises(InvalidStatus) as refused:
        dial(server, path, origin)
    return refused.value.response.status_code


@pytest.mark.parametrize("message", ["", "grüß dich ☔", b"\x00\xff", "x" * 199_999])
def test_what_is_said_comes_back(server: HttpServer, message: str | bytes) -> None:
    with dial(server) as client:
        client.send(message)
        assert client.recv(timeout=5) == message


def test_fragments_become_one_message(server: HttpServer) -> None:
    with dial(server) as client:
        client.send_pieces("one ", "two ", "three")
        assert client.recv(timeout=5) == "one two three"


def test_a_close_is_answered(server: HttpServer) -> None:
    with dial(server) as client:
        client.close(4000, "enough")
        assert client.protocol.close_code == 4000
    until(lambda: server.peers == 0)


def test_our_close_has_its_code_and_reason(server: HttpServer) -> None:
    with dial(server) as client:
        client.send("leave")
        assert end_of(client) == Close(4001, "as you like")
    until(lambda: server.peers == 0)


def test_a_view_that_returns_closes_in_order(server: HttpServer) -> None:
    with dial(server) as client:
        client.send("return")
        assert end_of(client) == Close(1000, "")


def test_a_view_that_fails_closes_with_1011_and_a_log_line(
    server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    with dial(server) as client:
        client.send("fail")
        assert end_of(client) == Close(1011, "")
    until(lambda: "a bug of ours" in caplog.text)


def test_stop_says_that_it_goes_away(server: HttpServer) -> None:
    with dial(server) as client:
        server.stop(within_s=60)  # it does not wait for a client that is there
        assert end_of(client) == Close(1001, "the server stops")


def test_a_message_beyond_the_limit_ends_it_with_1009(server: HttpServer) -> None:
    with dial(server) as client:
        client.send("x" * 200_001)
        ended = end_of(client)
    assert ended is not None
    assert ended.code == 1009


def test_a_peer_that_answers_pings_stays(server: HttpServer) -> None:
    with dial(server) as client:
        with pytest.raises(TimeoutError):
            client.recv(timeout=2 * echo.OPTIONS.dead_s)
        client.send("still here")
        assert client.recv(timeout=5) == "still here"


def test_a_peer_that_is_dead_is_let_go(server: HttpServer) -> None:
    with connected(server.port, UPGRADE) as client:
        assert everything(client).startswith(b"HTTP/1.1 101 ")


def test_frames_sent_ahead_of_the_101_are_not_lost(server: HttpServer) -> None:
    hello = b"\x81\x85\x00\x00\x00\x00hello"
    with connected(server.port, UPGRADE + hello) as client:
        until(lambda: client.recv(4096).endswith(b"\x81\x05hello"))


def test_pages_from_elsewhere_may_not_connect(server: HttpServer) -> None:
    assert refusal(server, "/ws", "https://evil.example") == 403
    assert refusal(server, "/friends", "https://evil.example") == 403
    with dial(server, "/friends", "https://friend.example") as client:
        client.send("hello")
        assert client.recv(timeout=5) == "hello"


def test_our_own_pages_may_connect_behind_a_proxy_that_ends_tls(server: HttpServer) -> None:
    with dial(server, "/ws", f"https://127.0.0.1:{server.port}") as client:
        client.send("hello")
        assert client.recv(timeout=5) == "hello"


def test_a_view_can_refuse_before_the_upgrade(server: HttpServer) -> None:
    assert refusal(server, "/members") == 401


def test_a_plain_request_for_a_websocket_is_told_so(server: HttpServer) -> None:
    with connected(server.port, b"GET /plain HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n") as client:
        assert everything(client).startswith(b"HTTP/1.1 426 ")


@pytest.mark.parametrize(
    ("right", "wrong", "status"),
    [
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"short", 400),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"not base 64!", 400),
        (b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b"", 400),
        (b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: 8", 400),
        (b"Sec-WebSocket-Version: 13\r\n", b"", 400),
    ],
)
def test_a_wrong_handshake_is_answered(server: HttpServer, right: bytes, wrong: bytes, status: int) -> None:
    with connected(server.port, UPGRADE.replace(right, wrong).replace(b"/ws", b"/ws?x=1")) as client:
        assert client.recv(4096).startswith(b"HTTP/1.1 %d " % status)


def test_compression_is_agreed_on_when_asked_for(server: HttpServer) -> None:
    with dial(server) as client:
        assert client.protocol.extensions
        client.send("la " * 1000)
        assert client.recv(timeout=5) == "la " * 1000
    with connected(server.port, UPGRADE) as bare:
        assert b"extensions" not in bare.recv(4096).lower()


def test_an_ended_websocket_says_how(server: HttpServer) -> None:
    ended = WebSocketClosed(4001, "as you like")
    assert str(ended) == "the WebSocket is closed: 4001 as you like"
