"""A client of the relay's REST API, for the commands that a person types."""

import json
from collections.abc import Mapping
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, Request, build_opener

from relay.core.errors import RelayError
from relay.core.webhook import Json

PATIENCE_S = 30

HINTS = {401: "Set RELAY_ADMIN_TOKEN, or give --token.", 503: "Try again in a moment."}
"""What to do about a refusal that says only what is wrong."""


class ApiError(RelayError):
    """What the API said no with, or why it could not be asked."""


class _Stay(HTTPRedirectHandler):
    """A relay sends nobody elsewhere; who does is not to have the token."""

    def redirect_request(self, *_: object) -> None:
        return None


class Client:
    def __init__(self, url: str, token: str) -> None:
        """Raises ApiError if `url` is none."""
        if not url.startswith(("http://", "https://")):
            raise ApiError(f"{url} is not a relay's address: RELAY_URL, or --relay, begins with http:// or https://.")
        self.address = url.rstrip("/")
        self.token = token
        self._opener = build_opener(_Stay)

    def call(self, method: str, path: str, body: Mapping[str, Json] | None = None) -> dict[str, Json]:
        """The answer's object. Raises ApiError."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        sent = None if body is None else json.dumps(body).encode()
        if sent is not None:
            headers["Content-Type"] = "application/json"
        try:
            request = Request(self.address + path, data=sent, headers=headers, method=method)  # noqa: S310  # Client checks it
            with self._opener.open(request, timeout=PATIENCE_S) as answer:
                if isinstance(said := json.loads(answer.read() or b"{}"), dict):
                    return said
                raise self.no_relay()
        except HTTPError as error:
            with error:
                raise ApiError(_sentence(error, self.address)) from None
        except (OSError, HTTPException) as error:
            why = error.reason if isinstance(error, URLError) else error
            raise ApiError(f"{self.address} cannot be reached: {_said(why)}. Does the relay run there?") from None
        except ValueError:
            raise self.no_relay() from None

    def no_relay(self) -> ApiError:
        return ApiError(f"{self.address} does not answer as a relay does. Look at RELAY_URL, or --relay.")


def filled(path: str, **named: str) -> str:
    """`path` with its parameters, such as {id}, in place."""
    return path.format(**{name: quote(value, safe="") for name, value in named.items()})


def _sentence(error: HTTPError, address: str) -> str:
    try:
        problem = json.loads(error.read())
        fields = [f"{one['field']}: {one['message']}".removeprefix(": ") for one in problem.get("errors", ())]
        said = "; ".join(fields) or problem.get("detail") or problem["title"]
    except (OSError, HTTPException, ValueError, KeyError, TypeError, AttributeError):
        return f"{address} answers HTTP {error.code} {error.reason}. Does the relay run there?"
    return " ".join(filter(None, (str(said), HINTS.get(error.code))))


def _said(why: object) -> str:
    return str(why.strerror or why) if isinstance(why, OSError) else str(why)
