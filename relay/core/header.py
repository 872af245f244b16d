"""Headers that a webhook's owner may set: none that frames the request, and nothing that could end the line early."""

import re
from functools import lru_cache

from relay.core.errors import RelayError

FRAMING = frozenset(
    """
    connection content-length expect host keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer
    transfer-encoding upgrade
    """.split()  # noqa: SIM905  a list of words reads better so
)
"""Names, in lower case, that say how one HTTP message is carried (RFC 9110, 7.6.1): the sender's business alone."""

NAME_CHARS = 128
VALUE_CHARS = 4096
"""Half of what the strictest of the common servers take in one line (Apache, nginx, Node: 8 KiB)."""


class Unsendable(RelayError):
    """A header with which the request would not be the one that was meant: it holds a line break."""


_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token: RFC 9110, 5.6.2
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


def refuse_header(name: str, value: str) -> str | None:
    """Why this header can't be sent, in a plain sentence that doesn't hold the value; None if it can."""
    if not _NAME.fullmatch(name) or len(name) > NAME_CHARS:
        return f"{name[:NAME_CHARS]!r} is not a header's name"
    if name.lower() in FRAMING:
        return f"{name} belongs to the connection and can't be set"
    if len(value) > VALUE_CHARS:
        return f"the value of {name} is longer than {VALUE_CHARS} characters"
    if not _VALUE.fullmatch(value):
        return f"the value of {name} must be visible ASCII characters and blanks between them, and not be empty"
    return None


@lru_cache(maxsize=4096)
def header_lines(headers: tuple[tuple[str, str], ...]) -> str:
    """As they are sent, each with its line's end. Raises Unsendable."""
    text = "".join([name + value for name, value in headers])
    if not text.isascii() or "\n" in text or "\r" in text or "\0" in text:
        raise Unsendable("a header holds a line break or another character that can't be sent")
    return "".join([f"{name}: {value}\r\n" for name, value in headers])
