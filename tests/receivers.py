"""Endpoints for callbacks: real HTTP servers that keep what they got and answer as they are told."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from wsgiref.types import StartResponse, WSGIEnvironment

from gevent.pywsgi import WSGIServer

from tests.waiting import PATIENCE_S, until


@dataclass(frozen=True, slots=True)
class Got:
    """One request: header names in lower case."""

    headers: dict[str, str]
    body: bytes
    path: str = "/"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = field(default=())


Behaviour = Callable[[Got], Answer]


class Receiver:
    """`with Receiver() as receiver: … receiver.url, receiver.got`. `answer` decides, request by request."""

    def __init__(self, answer: Behaviour = lambda got: Answer()) -> None:
        self.answer = answer
        self.got: list[Got] = []
        self._server = WSGIServer(("127.0.0.1", 0), self._serve, log=None, error_log=None)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop(timeout=1)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def wait_for(self, count: int, within_s: float = PATIENCE_S) -> list[Got]:
        """What came, once at least `count` requests have come."""
        until(
            lambda: len(self.got) >= count, within_s, saying=f"{count} callbacks had come, of which {len(self.got)} did"
        )
        return self.got

    def _serve(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        headers = {
            name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")
        }
        headers["content-type"] = environ.get("CONTENT_TYPE", "")
        got = Got(headers, environ["wsgi.input"].read(), environ.get("PATH_INFO", "/"))
        self.got.append(got)
        answer = self.answer(got)
        start_response(f"{answer.status} Told", [("Content-Length", str(len(answer.body))), *answer.headers])
        return [answer.body]


@contextmanager
def many(count: int) -> Iterator[list[Receiver]]:
    receivers = [Receiver().__enter__() for _ in range(count)]
    try:
        yield receivers
    finally:
        for receiver in receivers:
            receiver.__exit__(None, None, None)
