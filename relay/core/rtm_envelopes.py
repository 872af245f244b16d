"""From RTM's events to the Events API's envelopes: what RTM lacks is made here, what it has is left as it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import cast

from relay.core import json_text
from relay.core.envelope import Envelope
from relay.core.ids import ConnectionId, EventId
from relay.core.rtm_event import Event, Identity, begun_for, channel_of, fingerprints, kind_of, stamp_of
from relay.core.webhook import Json

Row = tuple[Event, bytes, EventId]
"""An event, the text that it was read from, which is never empty, and its id."""

BRACE, CLOSING_BRACE = b"{}"
CLOSING = b'},"type":"event_callback","event_id":"'
"""What stands in a body between the event, which has its last brace from here, and its id."""
EVENT_TIME = b'","event_time":'

PARTS = cast(Callable[[Event], tuple[str, str, str, str]], itemgetter("type", "event_ts", "channel", "text"))
"""Of a plain message; whether they are text is seen when they are used."""

MOST_DIGITS = 10
"""Of a plausible time in seconds."""
SECONDS = slice(MOST_DIGITS + 1)
"""That part of a stamp tells its seconds, and whether they are plausible."""

PLAIN_KINDS = {name: f"message.{name}" for name in ("bot_message", "file_share", "me_message", "thread_broadcast")}
"""Of messages that differ from plain ones in nothing but their kind."""

MENTIONING_SUBTYPES = (None, "file_share", "thread_broadcast")
"""Messages that a person wrote: for these, and no others, the Events API makes an app_mention (slack-wire.md, 7.4)."""


class RtmEnvelopes:
    """Makes the envelopes of one session; what they share is written once."""

    __slots__ = ("_begun", "_connection", "_head", "_mention", "_tail")

    def __init__(self, connection: ConnectionId, identity: Identity) -> None:
        self._connection = connection
        self._begun = begun_for(identity.team)
        known = {"team_id": identity.team, "enterprise_id": identity.enterprise, "api_app_id": identity.app}
        head = json_text.write({name: value for name, value in known.items() if value})
        self._head = head[:-1] + (b',"event":' if len(head) > 2 else b'"event":')
        authorization = _authorization(identity)
        self._tail = b"," + json_text.write({"authorizations": [authorization]})[1:] if authorization else b"}"
        self._mention = f"<@{identity.bot_user}" if identity.bot_user else ""  # without it no message is plain

    def ids(self, events: Sequence[Event]) -> list[EventId]:
        """Of each. Raises ValueError and RecursionError if one of them cannot be written."""
        told = map("Ev".__add__, fingerprints(self._begun, events))
        return cast(list[EventId], list(told))  # EventId's own call would be one for each

    def make_plain(
        self, rows: Iterator[Row], received_at: float, *, rooms: Mapping[str, str], into: list[Envelope]
    ) -> Row | None:
        """Puts the envelopes of messages `into` the list, until a row has anything odd about it, which is then for
        `make`; None at the end.

        Nearly all events are messages as people and programs write them, in a conversation whose `channel_type` is in
        `rooms` ("" is unknown): of them this makes the same as `make`, in a third of its steps. Raises as `make` does,
        and may be called again for what comes behind.
        """
        add, connection, head, tail, mention = into.append, self._connection, self._head, self._tail, self._mention
        for event, text, id in rows:
            try:  # what is of another type than it should be raises here, or is no mention and no moment
                kind, stamp, channel, words = PARTS(event)
                odd = kind != "message" or "channel_type" in event or mention in words
                room, seconds = _told_type(rooms[channel]), _seconds(stamp[SECONDS])
            except (KeyError, TypeError):
                return event, text, id
            if "subtype" in event:
                kind = _plain_kind(event["subtype"])
            if odd or not kind or not seconds:
                return event, text, id
            told = text if text.isascii() and text[0] == BRACE and text[-1] == CLOSING_BRACE else _written(event, text)
            body = b"".join((head, told[:-1], room, CLOSING, id.encode(), EVENT_TIME, seconds, tail))
            add(
                Envelope(
                    event_id=id,
                    connection=connection,
                    kind=kind,
                    channel=channel,
                    received_at=received_at,
                    body=body,
                )
            )
        return None

    def make(
        self,
        event: Event,
        received_at: float,
        *,
        channel_type: str = "",
        text: bytes = b"",
        event_id: EventId | None = None,
    ) -> tuple[Envelope, ...]:
        """The event's envelope and, if it mentions our bot, that of the app_mention which RTM never sends.

        `event` has a `type`; without a `stamp_of` there is no envelope. `channel_type`: of a message, if known.
        `text`: what `event` was read from, if it is at hand; then it need not be written again; likewise its id. Raises
        ValueError and RecursionError for what cannot be written.
        """
        stamp = stamp_of(event)
        if stamp is None:
            return ()
        written = _written(event, text)[:-1]
        if "event_ts" not in event:
            written += b',"event_ts":' + json_text.write(stamp)
        is_message = event["type"] == "message"
        if is_message and "channel_type" not in event:
            written += _told_type(channel_type)
        told = self._envelope(event, stamp, received_at, event_id=event_id, written=written)
        if not is_message or not self._is_mention(event):
            return (told,)
        mention = {name: value for name, value in event.items() if name not in ("channel_type", "subtype")}
        mention["type"] = "app_mention"
        mention.setdefault("event_ts", stamp)
        return (told, self._envelope(mention, stamp, received_at, written=json_text.write(mention)[:-1]))

    def _envelope(
        self, event: Event, stamp: str, received_at: float, *, written: bytes, event_id: EventId | None = None
    ) -> Envelope:
        """`written`: the event's text up to its last brace, with what is told beyond the event and is no part of its
        id.
        """
        id = event_id or self.ids([event])[0]
        seconds = _seconds(stamp[SECONDS]) or b"%d" % int(received_at)
        return Envelope(
            event_id=id,
            connection=self._connection,
            kind=kind_of(event),
            channel=channel_of(event),
            received_at=received_at,
            body=b"".join((self._head, written, CLOSING, id.encode(), EVENT_TIME, seconds, self._tail)),
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


def _plain_kind(subtype: Json) -> str:
    return PLAIN_KINDS.get(subtype, "") if isinstance(subtype, str) else ""


@lru_cache(maxsize=16)
def _told_type(channel_type: str) -> bytes:
    return b',"channel_type":' + json_text.write(channel_type) if channel_type else b""


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


@lru_cache(maxsize=256)
def _seconds(beginning: str) -> bytes:
    """Whole seconds, as Java's and Go's receivers want them; b"" where Slack's stamp is no number, or none that is
    plausible. `beginning`: its SECONDS, which are the same for many events.
    """
    digits = beginning.partition(".")[0]
    if not digits.isdecimal() or not digits.isascii() or len(digits) > MOST_DIGITS:
        return b""
    return b"%d" % int(digits)
