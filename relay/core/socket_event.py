"""From what Socket Mode hands over to our envelope: Slack's own body as it is, in the form that Slack's HTTP requests
have.

Events are JSON. Slash commands are forms, interactivity is a form with JSON in `payload`; so a Bolt app that was
written for HTTP takes them unchanged.
"""

import re
from urllib.parse import urlencode

from relay.core import json_text
from relay.core.envelope import Envelope, Media
from relay.core.ids import ConnectionId, EventId
from relay.core.rtm_event import channel_of, fingerprint, kind_of
from relay.core.webhook import Json

SLASH_COMMANDS = "slash_commands"
INTERACTIVE = "interactive"

ACK_LIMIT_BYTES = 20_000
"""Slack drops a longer acknowledgement without a word (slack-go: socketmode)."""

SLACK_EVENT_ID = re.compile(r"Ev[0-9A-Za-z]{1,40}")


def handed_envelope(connection: ConnectionId, kind: str, payload: dict[str, Json], *, received_at: float) -> Envelope:
    """`kind`: events_api, slash_commands, interactive, or one that Slack invents later. Raises ValueError,
    RecursionError."""
    event_id = payload.get("event_id")
    if not isinstance(event_id, str) or not SLACK_EVENT_ID.fullmatch(event_id):
        event_id = "Ev" + fingerprint(connection, payload)
    told, channel, body, media = _told(kind, payload)
    return Envelope(
        event_id=EventId(event_id),
        connection=connection,
        kind=told,
        channel=channel,
        received_at=received_at,
        body=body,
        media=media,
    )


def acknowledgement(envelope_id: str, answer: Json = None) -> bytes:
    """The text that tells Slack that we have it; `answer` is left out where it is too long for Slack to take."""
    plain = json_text.write({"envelope_id": envelope_id})
    if answer is None:
        return plain
    whole = json_text.write({"envelope_id": envelope_id, "payload": answer})
    return whole if len(whole) < ACK_LIMIT_BYTES else plain


def read_answer(body: bytes) -> Json:
    """What a webhook's 2xx body says to Slack: a JSON object as it is, other text as the message's text, None for
    nothing."""
    text = body.strip()
    if not text:
        return None
    try:
        answer = json_text.read(text)
    except json_text.NotJson:
        return {"text": text.decode(errors="replace")}
    return answer if isinstance(answer, dict) else {"text": text.decode(errors="replace")}


def _told(kind: str, payload: dict[str, Json]) -> tuple[str, str, bytes, Media]:
    """Kind, channel, body, media."""
    event = payload.get("event")
    if kind == SLASH_COMMANDS:
        return SLASH_COMMANDS, channel_of(payload), _form(payload), Media.FORM
    if kind == INTERACTIVE:
        told = payload.get("type")
        body = _form({"payload": json_text.write(payload).decode()})
        return f"{INTERACTIVE}.{told}" if isinstance(told, str) and told else kind, _room(payload), body, Media.FORM
    if isinstance(event, dict) and isinstance(event.get("type"), str):
        return kind_of(event), channel_of(event), json_text.write(payload), Media.JSON
    told = payload.get("type")  # app_rate_limited has no event
    return str(told) if isinstance(told, str) else kind, "", json_text.write(payload), Media.JSON


def _room(payload: dict[str, Json]) -> str:
    container = payload.get("container")
    return channel_of(payload) or (channel_of(container) if isinstance(container, dict) else "")


def _form(fields: dict[str, Json]) -> bytes:
    words = {name: value if isinstance(value, str) else _word(value) for name, value in fields.items()}
    return urlencode(words, errors="surrogatepass").encode()


def _word(value: Json) -> str:
    return "" if value is None else json_text.write(value).decode()
