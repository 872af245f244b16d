"""What a stranger may ask of the server: sizes, seconds, and how many at once."""

from msgspec import Struct


class Limits(Struct, frozen=True, kw_only=True):
    """Precedents: nginx (header 60 s and 4 × 8 KiB, body 60 s and 1 MiB), gunicorn (1,000 peers)."""

    peers: int = 2000  # open connections; the one that we have waited for longest makes room for the next
    idle_s: float = 60.0  # for the first byte of a request
    header_s: float = 10.0  # from there to the end of its header
    body_s: float = 20.0  # from there to the end of its body
    send_s: float = 20.0  # for the peer to take in one piece of an answer
    header_bytes: int = 32 * 1024  # request line and header
    body_bytes: int = 1024 * 1024  # a chunked body counts with its framing
    linger_s: float = 1.0  # how long we let a refused peer go on talking, so that it reads why
