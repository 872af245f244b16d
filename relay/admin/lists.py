"""Lists: pages with a cursor that says where the last one ended, so that additions skip and repeat nothing."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

from pydantic import Field

from relay.admin.endpoints import Asked
from relay.admin.problems import FieldError, Problem, invalid

PAGE = 50
MOST = 200


class PageQuery(Asked):
    limit: Annotated[int, Field(ge=1, le=MOST, strict=False, description="how many at most")] = PAGE
    cursor: Annotated[str | None, Field(max_length=256, description="`next_cursor` of the page before")] = None


def write_cursor(*marks: str) -> str:
    """A cursor from what the list's store needs to go on."""
    return urlsafe_b64encode("\n".join(marks).encode()).decode().rstrip("=")


def read_cursor(cursor: str, count: int) -> list[str]:
    """The marks in a cursor. Raises Problem if it is none of this list's."""
    try:
        marks = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").split("\n")
    except ValueError:
        raise bad_cursor() from None
    if len(marks) != count:
        raise bad_cursor()
    return marks


def bad_cursor() -> Problem:
    return invalid(FieldError("cursor", "is not a cursor that this list gave"))
