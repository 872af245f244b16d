"""One endpoint's answers, as their bytes come in: what is kept of them, and where each ends.

llhttp (Node's parser, by httptools) reads. Here stands how much of it we want: an endpoint may say what it likes, in
any amount; heads are bounded, the first bytes of a body are kept, and after some more of it nobody listens.
"""

from functools import lru_cache
from itertools import starmap

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from msgspec import Struct

from relay.core.outcome import EXCERPT_BYTES, Failure

HEAD_BYTES = 64 * 1024
"""An answer's status line and headers, with all interim answers before it. Node takes 16 KiB, libcurl 300 KB."""

HEADERS = 100
"""How many of an answer's headers are kept."""

HEADER_BYTES = 512
"""How much of a header's name and of its value is kept."""

BODY_BYTES = 64 * 1024
"""What is read beyond what is kept, to come to the body's end and keep the connection; then enough has been heard."""

SIZING = frozenset({b"content-length", b"transfer-encoding"})
"""Headers by which a body ends before its connection does."""


class Broken(Exception):
    """Nothing more can come of this POST on this connection."""

    def __init__(self, failure: Failure, why: str) -> None:
        super().__init__(why)
        self.failure = failure


class Listener:
    """What the parser tells, and what is kept of it."""

    __slots__ = ("_headers", "_keep_bytes", "_kept", "_kept_bytes", "_parser", "_read_bytes",
                 "keeps", "status", "whole")  # fmt: skip

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)  # small servers end lines so
        self.begin()

    def begin(self, keep_bytes: int = EXCERPT_BYTES) -> None:
        """The next one, of whose body so much is wanted."""
        self._keep_bytes = keep_bytes
        self._read_bytes = 0  # of heads, and then of the body
        self._headers: list[tuple[bytes, bytes]] = []
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self.status = 0  # until the head has been read
        self.whole = False
        self.keeps = False  # the connection may be used again

    def on_message_begin(self) -> None:
        if self.whole:
            self.keeps = False  # somebody says more than was asked

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.status:  # else it is a trailer
            self._headers.append((name[:HEADER_BYTES], value[:HEADER_BYTES]))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self.whole:
            return
        if not 100 <= status <= 999:
            raise ValueError(f"no status is {status}")
        if status < 200 and status != 101:  # an interim answer
            self._headers.clear()
            return
        self.status = status
        self._read_bytes = 0

    def on_body(self, body: bytes) -> None:
        room = self._keep_bytes - self._kept_bytes
        if room > 0 and not self.whole:
            self._kept.append(body[:room])
            self._kept_bytes += len(self._kept[-1])

    def on_message_complete(self) -> None:
        if self.status and not self.whole:
            self.whole = True
            self.keeps = self._parser.should_keep_alive()


class Heard(Struct, frozen=True, kw_only=True, gc=False):
    """What is understood of an answer."""

    status: int
    headers: tuple[tuple[str, str], ...]  # names in lower case
    excerpt: bytes  # the body's first bytes
    keeps: bool  # the connection may be used again


class Answer(Listener):
    """What has come of the answer to one POST: `begin` before each, then `feed` until it is `whole` or `too_long`."""

    __slots__ = ()

    @property
    def enough(self) -> bool:
        """Whether it is an answer though it goes on."""
        return self.status != 0 and (self._kept_bytes >= self._keep_bytes or self.too_long)

    @property
    def too_long(self) -> bool:
        """Whether nobody should listen any longer."""
        return self._read_bytes > BODY_BYTES + self._keep_bytes

    @property
    def heard(self) -> Heard:
        """So far, once there is a head."""
        headers = tuple(starmap(_readable, self._headers[:HEADERS]))
        return Heard(status=self.status, headers=headers, excerpt=b"".join(self._kept), keeps=self.keeps)

    def feed(self, said: bytes) -> None:
        """Raises Broken for what is not HTTP, or too much of it."""
        self._read_bytes += len(said)
        try:
            self._parser.feed_data(said)
        except HttpParserUpgrade:
            self.whole = True  # 101: it will say no more in HTTP
            self.keeps = False
        except HttpParserError as error:
            self.keeps = False
            if not self.whole:
                raise Broken(Failure.RESET, f"the answer is not HTTP: {error.__context__ or error}") from None
        if self._read_bytes > HEAD_BYTES and not self.status:
            raise Broken(Failure.TOO_LARGE, f"the answer's head is longer than {HEAD_BYTES} bytes")

    def end(self) -> None:
        """The connection has ended. Raises Broken if the answer has not."""
        self.keeps = False
        sized = any(name.lower() in SIZING for name, _ in self._headers)
        if self.whole or (self.status and not sized):
            self.whole = True
        elif self.status or self._read_bytes:
            raise Broken(Failure.RESET, "the connection was closed amid the answer")
        else:
            raise Broken(Failure.RESET, "the connection was closed without an answer")


@lru_cache(maxsize=1024)
def _readable(name: bytes, value: bytes) -> tuple[str, str]:
    """Endpoints say most of it again and again."""
    return name.decode("latin-1").lower(), value.decode("latin-1")
