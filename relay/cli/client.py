"""A client of the relay's REST API, for the commands that a person types."""

import json
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from relay.core.errors import RelayError
from relay.core.webhook import Json


class ApiError(RelayError):
    """What the API said no with, or why it could not be asked."""


class Client:
    def __init__(self, url: str, token: str) -> None:
        self.address = url.rstrip("/")
        self.token = token

    def call(self, method: str, path: str, body: dict[str, Json] | None = None) -> dict[str, Json]:
        """The answer's object. Raises ApiError."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        sent = None if body is None else json.dumps(body).encode()
        if sent is not None:
            headers["Content-Type"] = "application/json"
        request = Request(self.address + path, data=sent, headers=headers, method=method)  # noqa: S310  # the owner's own URL
        try:
            with urlopen(request, timeout=30) as answer:  # noqa: S310  # the same
                return dict(json.loads(answer.read() or b"{}"))
        except HTTPError as error:
            raise ApiError(_sentence(error)) from None
        except URLError as error:
            raise ApiError(f"{self.address} cannot be reached: {error.reason}") from None


def _sentence(error: HTTPError) -> str:
    try:
        problem = json.loads(error.read())
        fields = "; ".join(f"{one['field']}: {one['message']}" for one in problem.get("errors", ()))
        return f"{problem['title']}: {problem.get('detail', '')} {fields}".strip()
    except (ValueError, KeyError, TypeError):
        return f"HTTP {error.code} {error.reason}"
