"""What one POST did: a value, never an exception.

`Answered` — an HTTP answer came back, whatever its status. `Failed` — none came; the reason is one of a closed
set of words. `Refused` — we never sent it, because the address is not one that we POST to.
"""

from enum import StrEnum

from msgspec import Struct

EXCERPT_BYTES = 4096
"""What is kept of an answer's body."""


class Failure(StrEnum):
    """Why no answer came. Slack's own words for `X-Slack-Retry-Reason` are chosen from these in core.retry."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"  # the connection ended, or spoke something that is not HTTP, before a whole answer
    STOPPED = "stopped"  # by us: the relay ended while it waited
    TOO_LARGE = "too_large"  # headers beyond what we read; a long body is cut, not a failure


class Timing(Struct, frozen=True, kw_only=True, gc=False):
    """Seconds from the start of the attempt until each stage was done; 0.0 for a stage that did not happen."""

    dns_s: float = 0.0
    connect_s: float = 0.0
    tls_s: float = 0.0
    first_byte_s: float = 0.0
    total_s: float = 0.0


class Answered(Struct, frozen=True, kw_only=True, gc=False):
    status: int
    headers: tuple[tuple[str, str], ...] = ()  # names in lower case, in the order of their arrival
    excerpt: bytes = b""  # the first bytes of the body: EXCERPT_BYTES, or what the request wants kept
    timing: Timing = Timing()

    def header(self, name: str) -> str | None:
        """The first value of `name` (lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)


class Failed(Struct, frozen=True, kw_only=True, gc=False):
    failure: Failure
    detail: str  # for people: libcurl's or the resolver's sentence, without secrets
    timing: Timing = Timing()


class Refused(Struct, frozen=True, kw_only=True, gc=False):
    rule: str  # which rule of core.address says no, in a plain sentence


Outcome = Answered | Failed | Refused
