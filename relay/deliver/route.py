"""What is posted, and the way that it takes."""

import ipaddress
from collections.abc import Sequence

from msgspec import Struct

from relay.core.outcome import EXCERPT_BYTES


class Request(Struct, frozen=True, kw_only=True):
    """One POST, signed already."""

    url: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    timeout_s: float  # for everything together: name, connection, TLS, sending, answer
    keep_bytes: int = EXCERPT_BYTES  # of the answer's body

    def __repr__(self) -> str:
        return f"<Request {self.url}, {len(self.headers)} headers, {len(self.body)} bytes, {self.timeout_s:g} s>"


class Route(Struct, frozen=True, kw_only=True):
    """Where a POST goes, and how long it may take from now on."""

    url: str
    address: str
    port: int
    proxy: str = ""  # a proxy's URL, or "" for none
    fresh: bool = False  # on a connection of its own: a kept one died under this POST
    dns_s: float = 0.0
    offset_s: float  # since the attempt began
    wait_s: float
    connect_wait_s: float

    def leads_to(self, peer: str) -> bool:
        """Whether a connection to `peer` is the vetted one; whom a proxy connects to, it was told."""
        if self.proxy or peer == self.address:
            return True
        return ipaddress.ip_address(peer) == ipaddress.ip_address(self.address)


NOWHERE = Route(url="", address="", port=0, offset_s=0.0, wait_s=0.0, connect_wait_s=0.0)
