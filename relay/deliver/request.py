"""What is posted."""

from msgspec import Struct

from relay.core.outcome import EXCERPT_BYTES


class Request(Struct, frozen=True, kw_only=True, gc=False):
    """One POST, signed already."""

    url: str
    headers: str  # their lines, each with its end
    body: bytes
    timeout_s: float  # for everything together: name, connection, TLS, sending, answer
    keep_bytes: int = EXCERPT_BYTES  # of the answer's body: so many at least

    def __repr__(self) -> str:
        return f"<Request {self.url}, {len(self.body)} bytes, {self.timeout_s:g} s>"
