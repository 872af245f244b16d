"""From an RTM event to the Events API's envelope: what RTM lacks is made here, what it has is left as it is.

Identity. One event reaches us on several sockets, so its `event_id` is a hash of the workspace and of the event
itself, which holds Slack's own `event_ts` (a message: its `ts`) and so differs from any other. Events that have
neither (typing, presence, …) are equal to their repetitions; they get an `event_ts` from store/occurrences.py before
they come here, the same for all copies.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from relay.core import json_text
from relay.core.envelope import Envelope
from relay.core.ids import ConnectionId, EventId
from relay.core.webhook import Json

Event = dict[str, Json]

EVENT_ID_BYTES = 10
"""80 bits, twenty characters: among a billion events, two are alike with a chance of one in a million."""

BRACE, CLOSING_BRACE = b"{}"

MOST_DIGITS = 10
"""Of a plausible time in seconds."""

MENTIONING_SUBTYPES = (None, "file_share", "thread_broadcast")
"""Messages that a person wrote: for these, and no others, the Events API makes an app_mention (slack-wire.md, 7.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who we are to Slack; "" for what it did not tell."""

    team: str = ""
    enterprise: str = ""
    bot_user: str = ""
    app: str = ""


def stamp_of(event: Event) -> str | None:
    """Slack's own time of the event, which no other event of its kind has; None if it has none."""
    stamp = event.get("event_ts")
    if stamp is None and event.get("type") == "message":
        stamp = event.get("ts")
    if isinstance(stamp, str):
        return stamp or None
    return str(stamp) if isinstance(stamp, (int, float)) and not isinstance(stamp, bool) else None


def kind_of(event: Event) -> str:
    """`type`, or `type.subtype`; selectors are matched with it."""
    kind, subtype = str(event["type"]), event.get("subtype")
    return f"{kind}.{subtype}" if isinstance(subtype, str) and subtype else kind


def channel_of(event: Event) -> str:
    """The id of the conversation that the event belongs to, "" for none."""
    channel = event.get("channel")
    if isinstance(channel, str) and channel:
        return channel
    item = event.get("item")
    for candidate in (channel, event.get("channel_id"), item.get("channel") if isinstance(item, dict) else None):
        channel = candidate.get("id") if isinstance(candidate, dict) else candidate
        if isinstance(channel, str) and channel:
            return channel
    return ""


def fingerprint(team: str, event: Event) -> str:
    """Twenty characters that are the same for the same content, whatever the order of its keys."""
    return _fingerprint(_begun(team), event)


def _begun(team: str) -> blake2b:
    return blake2b(digest_size=EVENT_ID_BYTES, key=team.encode()[:64])


def _fingerprint(begun: blake2b, event: Event) -> str:
    digest = begun.copy()
    digest.update(json_text.canonical(event))
    return digest.hexdigest().upper()


class RtmEnvelopes:
    """Makes the envelopes of one session; what they share is written once."""

    __slots__ = ("_begun", "_connection", "_head", "_mention", "_tail")

    def __init__(self, connection: ConnectionId, identity: Identity) -> None:
        self._connection = connection
        self._begun = _begun(identity.team)
        known = {"team_id": identity.team, "enterprise_id": identity.enterprise, "api_app_id": identity.app}
        head = json_text.write({name: value for name, value in known.items() if value})
        self._head = head[:-1] + (b',"event":' if len(head) > 2 else b'"event":')
        authorization = _authorization(identity)
        self._tail = b"," + json_text.write({"authorizations": [authorization]})[1:] if authorization else b"}"
        self._mention = f"<@{identity.bot_user}" if identity.bot_user else ""

    def make(
        self, event: Event, received_at: float, *, channel_type: str = "", text: bytes = b""
    ) -> tuple[Envelope, ...]:
        """The event's envelope and, if it mentions our bot, that of the app_mention which RTM never sends.

        `event` has a `type`; without a `stamp_of` there is no envelope. `channel_type`: of a message, if known.
        `text`: what `event` was read from, if it is at hand; then it need not be written again. Raises ValueError and
        RecursionError for what cannot be written.
        """
        stamp = stamp_of(event)
        if stamp is None:
            return ()
        written = _written(event, text)[:-1]
        if "event_ts" not in event:
            written += b',"event_ts":' + json_text.write(stamp)
        is_message = event["type"] == "message"
        if is_message and channel_type and "channel_type" not in event:
            written += _spelled_type(channel_type)
        told = self._envelope(event, stamp, received_at, written=written)
        if not is_message or not self._is_mention(event):
            return (told,)
        mention = {name: value for name, value in event.items() if name not in ("channel_type", "subtype")}
        mention["type"] = "app_mention"
        mention.setdefault("event_ts", stamp)
        return (told, self._envelope(mention, stamp, received_at, written=json_text.write(mention)[:-1]))

    def _envelope(self, event: Event, stamp: str, received_at: float, *, written: bytes) -> Envelope:
        """`written`: the event's text up to its last brace, with what is told beyond the event and is no part of its
        id.
        """
        event_id = EventId("Ev" + _fingerprint(self._begun, event))
        time_of_it = _seconds(stamp, received_at)
        middle = f'}},"type":"event_callback","event_id":"{event_id}","event_time":{time_of_it}'.encode()
        return Envelope(
            event_id=event_id,
            connection=self._connection,
            kind=kind_of(event),
            channel=channel_of(event),
            received_at=received_at,
            body=b"".join((self._head, written, middle, self._tail)),
        )

    def _is_mention(self, event: Event) -> bool:
        """Of a message."""
        text = event.get("text")
        if not self._mention or not isinstance(text, str) or self._mention not in text:
            return False
        if event.get("subtype") not in MENTIONING_SUBTYPES:
            return False
        channel = event.get("channel")
        spelled = f"{self._mention}>" in text or f"{self._mention}|" in text
        return spelled and isinstance(channel, str) and not channel.startswith("D") and not event.get("hidden")


@lru_cache(maxsize=16)
def _spelled_type(channel_type: str) -> bytes:
    return b',"channel_type":' + json_text.write(channel_type)


def _written(event: Event, text: bytes) -> bytes:
    """In ASCII: as Slack wrote it, where `text` is that and nothing but that. The few texts that are read although they
    are no JSON have something before or behind it, or are no UTF-8.
    """
    if text and text[0] == BRACE and text[-1] == CLOSING_BRACE:
        try:
            return text if text.isascii() else json_text.in_ascii(text)
        except UnicodeDecodeError:
            pass
    return json_text.write(event)


def _authorization(identity: Identity) -> dict[str, Json]:
    if not (identity.team and identity.bot_user):
        return {}  # a receiver that finds the list does not look further, so it is whole or not there
    named: dict[str, Json] = {"enterprise_id": identity.enterprise} if identity.enterprise else {}
    return {
        **named,
        "team_id": identity.team,
        "user_id": identity.bot_user,
        "is_bot": True,
        "is_enterprise_install": False,
    }


def _seconds(stamp: str, received_at: float) -> str:
    """Whole seconds, as Java's and Go's receivers want them; the time of receipt where Slack's stamp is no number."""
    digits = stamp.partition(".")[0]
    if not digits.isdecimal() or not digits.isascii() or len(digits) > MOST_DIGITS:
        return str(int(received_at))
    return digits if digits[0] != "0" else str(int(digits))
