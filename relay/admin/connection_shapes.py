"""Connections as people send and see them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from relay.admin.endpoints import Asked, AskedChange, Shown
from relay.admin.moments import Moment, moment
from relay.core.connection import Connection, ConnectionState, ConnectionStatus, Kind

NAME_CHARS = 100
TOKEN_CHARS = 512
PRESENCE_USERS = 500
"""Slack takes more, but asks apps to keep it small (slack-wire.md, presence page)."""

BOT_PREFIX = "xox"
PREFIXES = {Kind.RTM: BOT_PREFIX, Kind.SOCKET_MODE: "xapp-"}

KindWord = Literal["rtm", "socket_mode"]
StatusWord = Literal["connecting", "connected", "reconnecting", "failed", "stopped"]


def _token(token: str) -> str:
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ValueError("must be printable ASCII without blanks")
    return token


def _user(user: str) -> str:
    if not (user[:1] in {"U", "W"} and user.isascii() and user.isalnum() and user.isupper()):
        raise ValueError("is not a user's id, such as U024BE7LH")
    return user


Token = Annotated[
    str,
    Field(min_length=4, max_length=TOKEN_CHARS, description="`xox…` for rtm, `xapp-…` for socket_mode; never shown"),
    AfterValidator(_token),
]
BotToken = Annotated[
    str,
    Field(
        min_length=4,
        max_length=TOKEN_CHARS,
        description="`xox…`, socket_mode only: messages and replies are posted with it; never shown",
    ),
    AfterValidator(_token),
]
User = Annotated[str, AfterValidator(_user)]
Name = Annotated[str, Field(max_length=NAME_CHARS)]


class ConnectionOptions(Asked):
    """RTM only."""

    presence_sub: list[User] = Field([], max_length=PRESENCE_USERS, description="users whose presence Slack is to tell")
    batch_presence_aware: bool = Field(default=False, description="presence of several users in one event")


class NewConnection(Asked):
    """A connection to be."""

    kind: KindWord
    token: Token
    bot_token: BotToken | None = None
    name: Name = ""
    options: ConnectionOptions = ConnectionOptions.model_validate({})

    @model_validator(mode="after")
    def _fits(self) -> "NewConnection":
        check_token(Kind(self.kind), self.token)
        check_bot_token(Kind(self.kind), self.bot_token)
        return self


class ConnectionChange(AskedChange):
    """The fields to change; a connection's kind stays."""

    token: Token = ""
    bot_token: BotToken | None = None
    name: Name = ""
    options: ConnectionOptions = ConnectionOptions.model_validate({})
    paused: bool = Field(default=False, description="let go of Slack, and stay so until it is false again")


class ConnectionOptionsView(Shown):
    presence_sub: list[str]
    batch_presence_aware: bool


class ConnectionView(Shown):
    """A connection and how it is doing. Its tokens are never shown."""

    id: str
    kind: KindWord
    name: str
    options: ConnectionOptionsView
    can_post: bool = Field(description="it has a bot token to post messages and replies with")
    paused: bool
    status: StatusWord
    since: Moment = Field(description="when the status last changed")
    error: str | None = Field(description="Slack's own word for what went wrong")
    explanation: str | None = Field(description="what it means and what to do")
    reconnects: int
    offline_seconds: float = Field(description="in all")
    team: str | None
    bot_user: str | None
    created_at: Moment
    updated_at: Moment


def check_token(kind: Kind, token: str) -> None:
    """Raises ValueError if the token is of another kind: Slack's answer to it would be harder to read."""
    if not token.startswith(PREFIXES[kind]):
        raise ValueError(f"a token for {kind} begins with {PREFIXES[kind]}")


def check_bot_token(kind: Kind, token: str | None) -> None:
    """Raises ValueError if it is none, or has no place there."""
    if token and kind is Kind.RTM:
        raise ValueError("an rtm connection posts with its own token")
    if token and not token.startswith(BOT_PREFIX):
        raise ValueError(f"a bot token begins with {BOT_PREFIX}")


def view(connection: Connection, state: ConnectionState | None) -> ConnectionView:
    """`state`: None while no worker has taken it up."""
    waiting = ConnectionStatus.STOPPED if connection.paused else ConnectionStatus.CONNECTING
    state = state or ConnectionState(status=waiting, since=connection.updated_at)
    return ConnectionView(
        id=connection.id,
        kind=connection.kind.value,
        name=connection.name,
        options=ConnectionOptionsView(
            presence_sub=list(connection.presence_sub), batch_presence_aware=connection.batch_presence_aware
        ),
        can_post=bool(connection.voice),
        paused=connection.paused,
        status=state.status.value,
        since=moment(state.since),
        error=state.error or None,
        explanation=state.explanation or None,
        reconnects=state.reconnects,
        offline_seconds=round(state.offline_s, 3),
        team=state.team or None,
        bot_user=state.bot_user or None,
        created_at=moment(connection.created_at),
        updated_at=moment(connection.updated_at),
    )
