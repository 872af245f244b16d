"""Where a request ends, without doubt: what two servers could read in two ways is refused (RFC 9112, 6.3 and 11.2).

Behind a proxy, a request whose end is in doubt is how one stranger speaks in another's name ("request smuggling").
"""

import re
from email.message import Message
from io import BufferedReader

from werkzeug.exceptions import BadRequest

CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What no value may hold; a line break there is a folded line (RFC 9112, 5.2)."""


class HeaderLines:
    """The lines of a header for Python's parser, which takes a bare carriage return for the end of a line."""

    def __init__(self, stream: BufferedReader) -> None:
        self._stream = stream

    def readline(self, limit: int = -1) -> bytes:
        line = self._stream.readline(limit)
        if b"\r" in line.removesuffix(b"\n").removesuffix(b"\r"):
            raise BadRequest("A line of the header holds a bare carriage return.")
        return line


def judge(header: Message, *, wants_host: bool) -> None:
    """Raises BadRequest, with a sentence for the one who has to find out why."""
    if header.defects or header.get_payload():
        raise BadRequest("A line of the header is malformed.")
    if any(CONTROL.search(value) for value in header.values()):
        raise BadRequest("A header's value holds a control character or is folded.")
    if len(header.get_all("host", [])) != 1 and wants_host:
        raise BadRequest("There must be one Host.")
    lengths, codings = header.get_all("content-length", []), header.get_all("transfer-encoding", [])
    if codings and (lengths or [coding.lower() for coding in codings] != ["chunked"]):
        raise BadRequest("The body's framing must be either a Content-Length or `chunked`.")
    if lengths and (len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdigit())):
        raise BadRequest("Content-Length must be one number.")
