"""The endpoints, as a process of their own: `python endpoints.py CAST HISTORY` says on its output which port each has.

Standard library only: what is seen here is evidence. Each request that was read to its end becomes one line of the
history, when it has been answered or was given up. Ends when its input does.
"""

import asyncio
import hashlib
import hmac
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TextIO, TypeAlias

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
FLAP_S = 12.0
A_SECOND_S = 1.0
ENDLESS = 10 * 1024**3
Headers: TypeAlias = dict[str, str]


async def pause(seconds: float) -> None:
    """The beat of something slow."""
    try:
        await asyncio.wait_for(asyncio.Event().wait(), seconds)
    except TimeoutError:
        pass


def head(status: int, *lines: str, length: int = 0) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} Told", f"Content-Length: {length}", *lines, "", ""]).encode()


class Endpoint:
    def __init__(self, name: str, manner: str, history: TextIO) -> None:
        self._name = name
        self._history = history
        self._requests = 0
        self._lately: list[float] = []
        self._answer: Callable[[asyncio.StreamWriter], Awaitable[int]] = getattr(self, manner)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                block = await reader.readuntil(b"\r\n\r\n")
                headers = read_headers(block)
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                await self._take(headers, body, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _take(self, headers: Headers, body: bytes, writer: asyncio.StreamWriter) -> None:
        began, status = time.time(), 0
        self._requests += 1
        try:
            status = await self._answer(writer)
        finally:
            said = json.loads(body)
            line = {
                "endpoint": self._name,
                "event": said.get("event_id") or said["data"]["event_id"],
                "delivery": headers["webhook-id"],
                "retry": int(headers.get("x-slack-retry-num", "0")),
                "began": began,
                "ended": time.time(),
                "status": status,
                "signed": is_signed(headers, body),
            }
            self._history.write(json.dumps(line) + "\n")
            self._history.flush()

    async def takes(self, writer: asyncio.StreamWriter) -> int:
        return await answer(writer, 200, head(200))

    async def slow(self, writer: asyncio.StreamWriter) -> int:
        await pause(0.3)
        return await self.takes(writer)

    async def flaps(self, writer: asyncio.StreamWriter) -> int:
        if int(time.time() / FLAP_S) % 2:
            return await self.takes(writer)
        return await answer(writer, 503, head(503))

    async def limits(self, writer: asyncio.StreamWriter) -> int:
        now = time.time()
        self._lately = [*(at for at in self._lately if now - at < A_SECOND_S), now]
        if len(self._lately) <= 30:
            return await self.takes(writer)
        return await answer(writer, 429, head(429, "Retry-After: 1"))

    async def resets(self, writer: asyncio.StreamWriter) -> int:
        if self._requests % 3:
            return await self.takes(writer)
        raise ConnectionResetError

    async def hangs(self, writer: asyncio.StreamWriter) -> int:
        await pause(3600)
        return 0

    async def drips(self, writer: asyncio.StreamWriter) -> int:
        for byte in head(200):
            await answer(writer, 0, bytes([byte]))
            await pause(A_SECOND_S)
        return 200

    async def floods(self, writer: asyncio.StreamWriter) -> int:
        await answer(writer, 200, head(200, length=ENDLESS))
        try:
            for _ in range(ENDLESS // 65536):
                await answer(writer, 200, b"x" * 65536)
        except OSError:
            pass
        return 200

    async def gone(self, writer: asyncio.StreamWriter) -> int:
        return await answer(writer, 410, head(410))


async def answer(writer: asyncio.StreamWriter, status: int, block: bytes) -> int:
    writer.write(block)
    await writer.drain()
    return status


def read_headers(block: bytes) -> Headers:
    lines = block.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def is_signed(headers: Headers, body: bytes) -> bool:
    message = f"v0:{headers['x-slack-request-timestamp']}:".encode() + body
    ours = "v0=" + hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()
    return hmac.compare_digest(ours, headers["x-slack-signature"])


async def main(cast: list[Headers], written: TextIO) -> None:
    ports: dict[str, int] = {}
    for role in cast:
        if role["manner"] == "refuses":
            closed = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
            ports[role["name"]] = closed.sockets[0].getsockname()[1]
            closed.close()
            continue
        endpoint = Endpoint(role["name"], role["manner"], written)
        server = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0, limit=2**20)
        ports[role["name"]] = server.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    with Path(sys.argv[2]).open("a") as written:
        asyncio.run(main(json.loads(Path(sys.argv[1]).read_text()), written))
