"""Headers: which ones a webhook's owner may set, and how an answer's are read.

None may be set that frames the request, and nothing that could end its line early.
"""

import re

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

KEPT = 100
"""How many of an answer's headers are read."""

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


def read_headers(head: bytes | bytearray) -> tuple[tuple[str, str], ...] | None:
    """The header lines of the last answer in `head`, names in lower case; None if they don't end in an empty line.

    Interim answers (1xx) and a proxy's come before it, trailers after it. Lines may end in LF alone.
    """
    pairs: list[tuple[str, str]] = []
    inside = whole = False
    for line in head.decode("latin-1").split("\n")[:-1]:
        if not inside:
            if line.startswith("HTTP/"):
                inside, whole = True, False
                pairs.clear()
        elif line in ("", "\r"):
            inside, whole = False, True
        elif len(pairs) < KEPT:
            name, _, value = line.partition(":")
            pairs.append((name.strip().lower(), value.strip()))
    return tuple(pairs) if whole else None
