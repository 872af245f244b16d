"""Replies: what an endpoint answers, said in Slack. Contract, section 3, "Replies".

A reply is made of a 2xx answer with a JSON body that has `text` or `blocks`, and goes where the event came from: its
channel, and its thread if the event was in one. Never to an echo of the bot's own messages: a reply to that would be
the next echo, for ever.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from msgspec import Struct

from relay.core import json_text
from relay.core.envelope import Envelope, Media
from relay.core.ids import ConnectionId
from relay.core.outcome import Answered
from relay.core.webhook import Json

REPLY_BYTES = 64 * 1024
"""The longest answer that can be a reply: what is longer has been cut, and is none."""

Object = Mapping[str, Json]


class Reply(Struct, frozen=True, kw_only=True):
    connection: ConnectionId
    channel: str
    thread_ts: str | None
    text: str
    blocks: Json = None  # a list of Slack's blocks, as the endpoint wrote it
    at: float  # Unix seconds at which the endpoint answered
    authors: tuple[str, ...] = ()  # users and bots whose doing the event is

    @property
    def place(self) -> str:
        """Where it is said: replies of one place wait for one another."""
        return f"{self.connection}:{self.channel}"


class Said(Struct, frozen=True, kw_only=True):
    """Slack has it."""


class NotNow(Struct, frozen=True, kw_only=True):
    """Slack cannot be reached, or asks to wait."""

    wait_s: float
    why: str


class Never(Struct, frozen=True, kw_only=True):
    """Slack will not take it, however often it is asked."""

    why: str


def reply_to(
    envelope: Envelope, answer: Answered, *, now: float, connections: Sequence[ConnectionId] = ()
) -> Reply | None:
    """What `answer` wants said, or None. `now`: Unix seconds; `connections`: those of the webhook, () for all.

    A webhook that has connections of its own speaks by these, also where the event first came by another. Who its bot
    is, the envelope does not tell then, so no bot's message is answered.
    """
    if not 200 <= answer.status < 300 or envelope.connection is None or not envelope.channel:
        return None
    said = _object(answer.excerpt)
    text, blocks = said.get("text"), said.get("blocks")
    wants = (isinstance(text, str) and text.strip()) or (isinstance(blocks, list) and blocks)
    if not wants or envelope.media is not Media.JSON:
        return None
    body = _object(envelope.body)
    event = _part(body, "event")
    heard = not connections or envelope.connection in connections
    if is_own(body if heard else {}, event):
        return None
    return Reply(
        connection=envelope.connection if heard else connections[0],
        channel=envelope.channel,
        thread_ts=_thread(event),
        text=text if isinstance(text, str) else "",
        blocks=blocks if isinstance(blocks, list) else None,
        at=now,
        authors=_authors(event),
    )


def is_own(body: Object, event: Object) -> bool:
    """Whether the bot itself caused the event, or may have: of a bot's message it must be plain that it is another's.

    Known of ourselves are the bot's user (`authorizations`) and the app (`api_app_id`); a message says its user, its
    app, its bot. An edit carries the message inside.
    """
    user, app = _own_user(body), _text(body, "api_app_id")
    return any(_is_own(part, user, app) for part in (event, _part(event, "message"), _part(event, "previous_message")))


def _authors(event: Object) -> tuple[str, ...]:
    parts = (event, _part(event, "message"), _part(event, "previous_message"))
    return tuple(sorted({_text(part, name) for part in parts for name in ("user", "bot_id")} - {""}))


def _is_own(part: Object, user: str, app: str) -> bool:
    by_user = _text(part, "user")
    by_app = _text(part, "app_id") or _text(_part(part, "bot_profile"), "app_id")
    if (user and by_user == user) or (app and by_app == app):
        return True
    if not _text(part, "bot_id") and _text(part, "subtype") != "bot_message":
        return False
    anothers = (user and by_user and by_user != user) or (app and by_app and by_app != app)
    return not anothers


def _own_user(body: Object) -> str:
    authorizations = body.get("authorizations")
    first = authorizations[0] if isinstance(authorizations, list) and authorizations else None
    return _text(first, "user_id") if isinstance(first, dict) and first.get("is_bot", True) else ""


def _thread(event: Object) -> str | None:
    """The thread that the event is in: a message's, an edited message's."""
    return _text(event, "thread_ts") or _text(_part(event, "message"), "thread_ts") or None


def _object(text: bytes) -> Object:
    try:
        value = json_text.read(text)
    except json_text.NotJson:
        return {}
    return value if isinstance(value, dict) else {}


def _part(of: Object, name: str) -> Object:
    value = of.get(name)
    return value if isinstance(value, dict) else {}


def _text(of: Object, name: str) -> str:
    value = of.get(name)
    return value if isinstance(value, str) else ""


def write_reply(reply: Reply) -> bytes:
    """As the store keeps it."""
    place: dict[str, Json] = {"n": reply.connection, "c": reply.channel, "r": reply.thread_ts}
    return json_text.write(place | {"t": reply.text, "b": reply.blocks, "at": reply.at, "w": list(reply.authors)})


def read_reply(text: bytes) -> Reply:
    """Raises KeyError or NotJson for what `write_reply` did not write."""
    kept = cast(dict[str, Json], json_text.read(text))
    return Reply(
        connection=ConnectionId(str(kept["n"])),
        channel=str(kept["c"]),
        thread_ts=cast(str | None, kept["r"]),
        text=str(kept["t"]),
        blocks=kept["b"],
        at=cast(float, kept["at"]),
        authors=tuple(cast(list[str], kept.get("w", []))),
    )
