"""A caller of the REST API that shows every answer, refusals too."""

import json
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from relay.core.webhook import Json
from tests.whole.program import ADMIN_TOKEN


@dataclass(frozen=True, slots=True)
class Said:
    status: int
    headers: dict[str, str]
    body: dict[str, Json]


def call(
    address: str, route: str, body: Json = None, *, token: str | None = ADMIN_TOKEN, raw: bytes | None = None
) -> Said:
    """`route`: such as `POST /v1/webhooks`."""
    method, path = route.split(" ")
    sent = raw if raw is not None else None if body is None else json.dumps(body).encode()
    request = Request(address + path, data=sent, method=method)  # noqa: S310  # a relay of the test's own
    if sent is not None:
        request.add_header("Content-Type", "application/json")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urlopen(request, timeout=20) as answer:  # noqa: S310  # a relay of the test's own
            return Said(answer.status, _headers(answer.headers.items()), json.loads(answer.read() or b"{}"))
    except HTTPError as error:
        with error:
            return Said(error.code, _headers(error.headers.items()), json.loads(error.read() or b"{}"))


def _headers(pairs: list[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in pairs}
