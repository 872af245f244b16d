"""The answers that the server gives by itself, before or instead of the application's: RFC 9457 problems."""

import json
from http import HTTPStatus

from werkzeug.exceptions import HTTPException

Refusal = tuple[str, list[tuple[str, str]], bytes]
"""Status line, header, body."""

INTERNAL = HTTPStatus.INTERNAL_SERVER_ERROR


def refusal(fault: HTTPException) -> Refusal:
    return _problem(HTTPStatus(fault.code or INTERNAL), fault.description or "")


def internal_error() -> Refusal:
    return _problem(INTERNAL, "The server failed to answer this request; its log says why.")


def as_bytes(answer: Refusal) -> bytes:
    """The whole answer, for a peer whose request was never understood."""
    status, header, body = answer
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in header)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _problem(status: HTTPStatus, detail: str) -> Refusal:
    body = json.dumps(
        {
            "type": "about:blank",
            "title": status.phrase,
            "status": status.value,
            "code": status.name.lower(),
            "detail": detail,
        }
    ).encode()
    header = [
        ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
    ]
    return f"{status.value} {status.phrase}", header, body
