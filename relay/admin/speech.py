"""The way back: what people say to Slack through a connection that is up."""

from collections.abc import Mapping
from dataclasses import replace
from math import ceil
from typing import Annotated, Literal

from pydantic import Field, JsonValue, model_validator

from relay.admin.connection_records import change_connection, find_connection
from relay.admin.connection_shapes import PRESENCE_USERS, User
from relay.admin.endpoints import ADMINS, Answer, Asked, Call, Noun, Shown
from relay.admin.problems import Problem, conflict
from relay.core.webhook import Json

SPEECH = Noun("Speaking", "Messages; typing and questions about presence, which go over RTM only.")

PATIENCE_S = 10.0
"""How long a caller waits for Slack's answer: ten frames at Slack's pace of one a second."""
TEXT_CHARS = 4000  # Slack's advice for one message (slack-wire.md, 2.4)
RICH = 100  # blocks, attachments: Slack's own limits

Channel = Annotated[str, Field(min_length=1, max_length=32, description="a channel's id", examples=["C024BE91L"])]
Thread = Annotated[str, Field(max_length=32, description="the `ts` of the message that the thread hangs on")]


class NewMessage(Asked):
    """A message to post as the bot."""

    channel: Channel
    text: Annotated[str, Field(max_length=TEXT_CHARS, examples=["Deployed."])] = ""
    thread_ts: Thread | None = None
    reply_broadcast: bool | None = None
    blocks: Annotated[list[dict[str, JsonValue]], Field(max_length=RICH)] | None = None
    attachments: Annotated[list[dict[str, JsonValue]], Field(max_length=RICH)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "NewMessage":
        if not (self.text or self.blocks or self.attachments):
            raise ValueError("give text, blocks or attachments")
        return self


class Typing(Asked):
    """A typing indicator, shown for a few seconds."""

    channel: Channel
    thread_ts: Thread | None = None


class Presence(Asked):
    """What is asked about presence, as in Slack's own frames."""

    type: Literal["presence_sub", "presence_query"] = Field(
        description="`presence_sub`: tell of every change from now on, of these users alone; kept over reconnects. "
        "`presence_query`: tell once"
    )
    ids: Annotated[list[User], Field(max_length=PRESENCE_USERS, examples=[["U024BE7LH"]])]


class Posted(Shown):
    """What Slack made of a message."""

    channel: str
    ts: str = Field(description="the message's id in its channel")


class Accepted(Shown):
    ok: Literal[True]


@SPEECH.endpoint(
    "POST /v1/connections/{id}/messages", access=ADMINS, answers={200: Posted}, refusals=(404, 409, 422, 504)
)
def message(call: Call, id: str, body: NewMessage) -> Answer:
    """Post a message as the bot.

    Slack takes one a second; text goes over RTM's socket, blocks and attachments by chat.postMessage. A connection of
    kind socket_mode needs a `bot_token` for it.
    """
    frame = {"type": "message", **body.model_dump(exclude_none=True)}
    answer = _say(call, id, frame)
    return Answer(body=Posted(channel=str(answer.get("channel", body.channel)), ts=str(answer.get("ts", ""))))


@SPEECH.endpoint(
    "POST /v1/connections/{id}/typing", access=ADMINS, answers={202: Accepted}, refusals=(404, 409, 504), audited=False
)
def typing(call: Call, id: str, body: Typing) -> Answer:
    """Show that the bot is typing."""
    _say(call, id, {"type": "typing", **body.model_dump(exclude_none=True)})
    return Answer(status=202, body=Accepted(ok=True))


@SPEECH.endpoint(
    "POST /v1/connections/{id}/presence", access=ADMINS, answers={202: Accepted}, refusals=(404, 409, 412, 504)
)
def presence(call: Call, id: str, body: Presence) -> Answer:
    """Ask about presence; the answers come as `presence_change` events."""
    if body.type == "presence_sub":
        now = call.rooms.now()
        change_connection(call, id, lambda stands: replace(stands, presence_sub=tuple(body.ids), updated_at=now))
    else:
        _say(call, id, {"type": body.type, "ids": list(body.ids)})
    return Answer(status=202, body=Accepted(ok=True))


def _say(call: Call, id: str, frame: Mapping[str, Json]) -> Mapping[str, Json]:
    """What Slack answers. Raises Problem: 404, 409, 422, 429 or 504."""
    connection = find_connection(call, id)
    answer = call.rooms.notices.ask(connection.id, frame, within_s=PATIENCE_S)
    if answer is None:
        raise Problem(504, "no_answer", "No worker that holds this connection has answered.")
    if answer.get("ok") is True:
        return answer
    word, sentence = str(answer.get("error")), str(answer.get("explanation", ""))
    wait = str(ceil(float(str(answer.get("retry_after", 1)))))
    match word:
        case "ratelimited":
            raise Problem(429, "too_many_requests", sentence, headers=[("Retry-After", wait)])
        case "not_supported" | "not_connected":
            raise conflict(word, sentence)
        case "no_answer":
            raise Problem(504, word, sentence)
        case _:
            raise Problem(422, "refused_by_slack", f"Slack says {word}. {sentence}".strip())
