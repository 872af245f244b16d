"""One call of Slack's Web API: a value comes back, never an exception.

http.client on a stream of our own, not slack_sdk.WebClient, because of what that does with a token in its hand: it
follows redirects with it, takes HTTPS_PROXY but not NO_PROXY, reads any amount of body, builds a TLS context for each
call (50 ms of CPU), and sleeps through any Retry-After. Here: no redirects, one deadline for the whole call, a
bounded body, and waiting is the caller's decision.
"""

from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import TypeAlias
from urllib.parse import urlencode, urlsplit

import gevent
from msgspec import Struct

from relay import __version__
from relay.core import json_text
from relay.core.webhook import Json
from relay.slack.dial import Dialer, DialError
from relay.slack.options import SlackOptions

ANSWER_LIMIT_BYTES = 4 * 1024 * 1024
RETRY_AFTER_S = 30.0
"""Where a 429 names no time; Python's own client waits as long."""
RETRY_AFTER_LIMIT_S = 600.0


class Granted(Struct, frozen=True, kw_only=True):
    answer: Mapping[str, Json]


class Denied(Struct, frozen=True, kw_only=True):
    """Slack said no, in a word of its own."""

    word: str
    detail: str = ""


class Limited(Struct, frozen=True, kw_only=True):
    retry_after_s: float


class Unreachable(Struct, frozen=True, kw_only=True):
    """Nothing came that Slack's Web API would say. `word`: unreachable, unreadable, service_unavailable."""

    word: str
    detail: str


Said: TypeAlias = Granted | Denied | Limited | Unreachable


class WebApi:
    __slots__ = ("_dialer", "_options")

    def __init__(self, options: SlackOptions, dialer: Dialer) -> None:
        self._options = options
        self._dialer = dialer

    def call(self, method: str, token: str, arguments: Mapping[str, str] | None = None) -> Said:
        """POST as a form, which every method takes; the token in a header, never in a URL."""
        try:
            with gevent.Timeout(self._options.call_s):
                status, retry_after, body = self._post(method, token, urlencode(arguments or {}).encode())
        except gevent.Timeout:
            return Unreachable(word="unreachable", detail=f"no answer to {method} within {self._options.call_s:g} s")
        except (DialError, HTTPException, OSError) as error:
            return Unreachable(word="unreachable", detail=f"{method}: {error!s}")
        return judge(status, retry_after, body)

    def _post(self, method: str, token: str, form: bytes) -> tuple[int, str | None, bytes]:
        place = urlsplit(self._options.api_url + method)
        secure, host = place.scheme == "https", place.hostname or ""
        connection = HTTPConnection(host, place.port or (443 if secure else 80))
        proxy = None if secure else self._dialer.proxy_for(host, connection.port, secure=False)
        headers = _headers(token)
        if proxy:
            headers |= {"Proxy-Authorization": proxy.login} if proxy.login else {}
            connection.sock = self._dialer.dial_proxy(proxy)
        else:
            connection.sock = self._dialer.dial(host, connection.port, secure=secure)
        try:
            connection.request("POST", place.geturl() if proxy else place.path, form, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Retry-After"), _bounded(answer)
        finally:
            connection.close()


def judge(status: int, retry_after: str | None, body: bytes) -> Said:
    """What an HTTP answer says. The status comes first: the body of a 429 or of a 5xx may be HTML or plain text."""
    if status == 429:
        whole = retry_after is not None and retry_after.isascii() and retry_after.isdecimal()
        seconds = float(retry_after or 0) if whole else RETRY_AFTER_S
        return Limited(retry_after_s=min(seconds, RETRY_AFTER_LIMIT_S))
    answer = _object(body)
    if answer is None:
        word = "service_unavailable" if status >= 500 else "unreadable"
        return Unreachable(word=word, detail=f"HTTP {status}")
    if answer.get("ok") is True and status < 300:
        return Granted(answer=answer)
    word = word_in(answer, "error")
    if not word:
        return Unreachable(word="service_unavailable" if status >= 500 else "unreadable", detail=f"HTTP {status}")
    if word in ("ratelimited", "rate_limited"):
        return Limited(retry_after_s=RETRY_AFTER_S)
    needed = word_in(answer, "needed")
    return Denied(word=word, detail=f"needed scope: {needed}" if needed else "")


def word_in(answer: Mapping[str, Json], name: str) -> str:
    """The text under `name`, "" if there is none."""
    word = answer.get(name)
    return word if isinstance(word, str) else ""


def part_of(answer: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    """The object under `name`, an empty one if there is none."""
    part = answer.get(name)
    return part if isinstance(part, dict) else {}


def _object(body: bytes) -> Mapping[str, Json] | None:
    try:
        answer = json_text.read(body)
    except json_text.NotJson:
        return None
    return answer if isinstance(answer, dict) else None


def _bounded(answer: HTTPResponse) -> bytes:
    body = answer.read(ANSWER_LIMIT_BYTES + 1)
    return b"" if len(body) > ANSWER_LIMIT_BYTES else body


def _headers(token: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": f"slack-webhook-relay/{__version__}",
        "Connection": "close",
    }
