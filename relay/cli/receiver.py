"""The demo's endpoint: verifies both signatures of every callback, and prints it as it lands."""

import time
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from msgspec import Struct

from relay.core import json_text
from relay.core.signing import KeyRing, read_secret, verifies_slack, verifies_standard
from relay.core.webhook import Json


class Landed(Struct, frozen=True, kw_only=True):
    """One callback, as the demo shows it."""

    kind: str
    channel: str
    text: str
    latency_s: float  # since Slack's own time of the event
    verified: bool


class VerifyingReceiver:
    """A WSGI application; `landed` is called for each callback."""

    def __init__(self, landed: Callable[[Landed], None]) -> None:
        self._landed = landed
        self.keys: KeyRing | None = None  # known once the webhook is registered

    def expect(self, secret: str) -> None:
        """Verify with this secret from now on."""
        self.keys = KeyRing(read_secret(secret))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        now = time.time()
        body = environ["wsgi.input"].read()
        verified = self.keys is not None and _verified(self.keys, environ, body)
        self._landed(_read(body, now, verified=verified))
        start_response("200 OK" if verified else "401 Unauthorized", [("Content-Length", "0")])
        return [b""]


def _verified(keys: KeyRing, environ: WSGIEnvironment, body: bytes) -> bool:
    try:
        stamp = int(environ["HTTP_WEBHOOK_TIMESTAMP"])
        slack, standard, id = (
            environ[name] for name in ("HTTP_X_SLACK_SIGNATURE", "HTTP_WEBHOOK_SIGNATURE", "HTTP_WEBHOOK_ID")
        )
    except (KeyError, ValueError):
        return False
    return verifies_slack(keys, slack, timestamp=stamp, body=body) and verifies_standard(
        keys, standard, id=id, timestamp=stamp, body=body
    )


def _read(body: bytes, now: float, *, verified: bool) -> Landed:
    envelope = json_text.read(body)
    event = envelope.get("event") if isinstance(envelope, dict) else None
    event = event if isinstance(event, dict) else {}
    stamp = event.get("event_ts") or event.get("ts")
    return Landed(
        kind=".".join(str(event[name]) for name in ("type", "subtype") if event.get(name)),
        channel=_channel(event),
        text=_text(event),
        latency_s=now - float(stamp) if isinstance(stamp, str) else 0.0,
        verified=verified,
    )


def _channel(event: dict[str, Json]) -> str:
    for place in (event, event.get("item"), event.get("file")):
        if isinstance(place, dict) and isinstance(place.get("channel"), str):
            return str(place["channel"])
    return ""


def _text(event: dict[str, Json]) -> str:
    inner = event.get("message")
    for place in (event, inner if isinstance(inner, dict) else {}):
        if place.get("text"):
            return str(place["text"])
    return f":{event['reaction']}:" if "reaction" in event else ""
