"""Problems: how a request is refused. RFC 9457, with a `code` that stays the same, and the fields that are wrong.

What a problem says is written here and in the views, in words of ours: never a trace, never what the caller sent.
"""

from collections.abc import Sequence
from http import HTTPStatus

from flask import Response
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import HTTPException

from relay.core import json_text
from relay.core.errors import RelayError
from relay.core.webhook import Json

MEDIA = "application/problem+json"
RETRY_AFTER_S = 1
"""What a caller is told to wait while Redis is away: it may be back at any moment."""


class FieldError(Struct, frozen=True):
    """What is wrong with one field: its dotted path in body or query."""

    field: str
    message: str


class Problem(RelayError):
    """A refusal. `code` is for programs and stays; `detail` is for people."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(detail)
        self.status = HTTPStatus(status)
        self.code = code
        self.errors = tuple(errors)
        self.headers = tuple(headers)


class FieldErrorView(BaseModel, defer_build=True):
    field: str
    message: str


class ProblemView(BaseModel):
    """The body of every refusal (RFC 9457)."""

    model_config = ConfigDict(title="Problem", json_schema_extra={"additionalProperties": True}, defer_build=True)

    type: str = Field(description="always about:blank: the code tells problems apart")
    title: str
    status: int
    code: str = Field(description="one word for programs; it does not change", examples=["not_found"])
    detail: str = Field(description="a sentence for people")
    errors: list[FieldErrorView] | None = Field(None, description="the fields that are wrong, if any")


def invalid(*errors: FieldError) -> Problem:
    """422: the request can be read, and its fields are wrong."""
    return Problem(422, "validation_failed", "Some fields are not as they should be.", errors=errors)


def not_found(what: str) -> Problem:
    return Problem(404, "not_found", f"There is no such {what}.")


def conflict(code: str, detail: str) -> Problem:
    return Problem(409, code, detail)


def from_validation(error: ValidationError) -> Problem:
    """pydantic's findings, without the values that it found them on."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return invalid(*(FieldError(_path(each["loc"]), _sentence(each["type"], each["msg"])) for each in found))


def from_http(fault: HTTPException) -> Problem:
    """Flask's and the server's own refusals: a path, a method, a size, a slow body."""
    status = HTTPStatus(fault.code or 500)
    kept = [(name, value) for name, value in fault.get_headers() if name.lower() in {"allow", "retry-after"}]
    return Problem(status, status.name.lower(), _http_detail(status), headers=kept)


def away() -> Problem:
    detail = "The relay's Redis is away just now; nothing was lost, and it recovers by itself."
    return Problem(503, "service_unavailable", detail, headers=[("Retry-After", str(RETRY_AFTER_S))])


def unsealable() -> Problem:
    detail = "A secret in Redis is sealed with a key that RELAY_SECRET_KEY lacks: put it back at the list's end."
    return Problem(503, "service_unavailable", detail, headers=[("Retry-After", str(RETRY_AFTER_S))])


def unexpected() -> Problem:
    return Problem(500, "internal_server_error", "The relay failed to answer this request; its log says why.")


def answer(problem: Problem) -> Response:
    body: dict[str, Json] = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": int(problem.status),
        "code": problem.code,
        "detail": str(problem),
    }
    if problem.errors:
        body["errors"] = [{"field": each.field, "message": each.message} for each in problem.errors]
    return Response(json_text.write(body), problem.status, headers=list(problem.headers), content_type=MEDIA)


def _path(loc: tuple[int | str, ...]) -> str:
    return ".".join(map(str, loc))


def _sentence(kind: str, message: str) -> str:
    match kind:
        case "extra_forbidden":
            return "there is no such field"
        case "missing":
            return "is required"
        case "value_error":
            return message.removeprefix("Value error, ")
        case _:
            return message[:1].lower() + message[1:]


_HTTP_DETAILS = {
    400: "This request cannot be read.",
    404: "There is nothing at this path.",
    405: "This path does not have that method; see the Allow header.",
    408: "The request's body came too slowly.",
    413: "The request's body is too large.",
    415: "The body must be JSON, with the Content-Type application/json.",
}


def _http_detail(status: HTTPStatus) -> str:
    return _HTTP_DETAILS.get(status, f"{status.phrase}.")
