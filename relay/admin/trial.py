"""Trial calls: one signed POST now, of a sample or of Slack's challenge, by the real path and the real guard."""

from dataclasses import replace
from urllib.parse import parse_qs

from relay.admin.options import AdminOptions
from relay.core import json_text
from relay.core.envelope import Envelope
from relay.core.ids import ID_BYTES, EventId, base32
from relay.core.json_text import NotJson
from relay.core.outcome import Answered, Failed, Outcome, Refused
from relay.core.webhook import Format, Json, Webhook

SAMPLE_TEXT = "This is a sample from slack-webhook-relay, sent because somebody asked for a test call."


def send_sample(rooms: AdminOptions, webhook: Webhook) -> Outcome:
    """A message as Slack would send it, of no team that exists."""
    now = rooms.now()
    event_id = _event_id(rooms)
    event: dict[str, Json] = {
        "type": "message",
        "channel": webhook.channels[0] if webhook.channels else "C00000000",
        "channel_type": "channel",
        "user": "U00000000",
        "text": SAMPLE_TEXT,
        "ts": f"{now:.6f}",
        "event_ts": f"{now:.6f}",
        "team": "T00000000",
    }
    body: dict[str, Json] = {
        "team_id": "T00000000",
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": int(now),
    }
    return rooms.post(webhook, _envelope(event_id, "message", body, now=now))


def failed_verification(rooms: AdminOptions, webhook: Webhook) -> str | None:
    """Why `webhook` did not answer Slack's `url_verification` (slack-wire.md, 4.3), in words; None if it did."""
    challenge = _random(rooms) + _random(rooms)
    body: dict[str, Json] = {"token": "", "challenge": challenge, "type": "url_verification"}
    envelope = _envelope(_event_id(rooms), "url_verification", body, now=rooms.now())
    outcome = rooms.post(replace(webhook, format=Format.SLACK), envelope)
    match outcome:
        case Answered():
            if not 200 <= outcome.status < 300:
                return f"it answered with the status {outcome.status}"
            return None if challenge in _said(outcome.excerpt) else "its answer does not hold the challenge"
        case Failed():
            return outcome.detail or outcome.failure.value
        case Refused():
            return outcome.rule


def _said(excerpt: bytes) -> set[str]:
    """What an answer may mean as a challenge: its text, a form's field, or a JSON object's."""
    text = excerpt.decode("utf-8", "replace").strip()
    said = {text, *parse_qs(text).get("challenge", [])}
    try:
        value = json_text.read(excerpt)
    except NotJson:
        return said
    challenge = value.get("challenge") if isinstance(value, dict) else value
    return said | {challenge} if isinstance(challenge, str) else said


def _envelope(event_id: EventId, kind: str, body: dict[str, Json], *, now: float) -> Envelope:
    return Envelope(
        event_id=event_id, connection=None, kind=kind, channel="", received_at=now, body=json_text.write(body)
    )


def _event_id(rooms: AdminOptions) -> EventId:
    return EventId("Ev" + _random(rooms).upper())


def _random(rooms: AdminOptions) -> str:
    return base32(int.from_bytes(rooms.dice(ID_BYTES)), ID_BYTES * 8 // 5)
