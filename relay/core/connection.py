"""A connection to Slack: what its owner asked for, and how it is doing. Two records, because they have two writers."""

from dataclasses import dataclass, field
from enum import StrEnum

from msgspec import Struct

from relay.core.ids import ConnectionId


class Kind(StrEnum):
    RTM = "rtm"
    SOCKET_MODE = "socket_mode"


class ConnectionStatus(StrEnum):
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    FAILED = "failed"  # Slack said something that waiting does not heal
    STOPPED = "stopped"  # its owner paused it


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What the owner asked for; written by the API and by the settings, read by workers."""

    id: ConnectionId
    kind: Kind
    token: str = field(repr=False)
    bot_token: str = field(default="", repr=False)  # Socket Mode only: what is posted is posted with it
    name: str = ""
    presence_sub: tuple[str, ...] = ()  # user ids whose presence is asked for
    batch_presence_aware: bool = False
    paused: bool = False
    created_at: float = 0.0
    updated_at: float = 0.0
    version: int = 0  # grows with each change

    @property
    def voice(self) -> str:
        """The token to post with, "" if there is none: an app-level token opens sockets and nothing else."""
        return self.token if self.kind is Kind.RTM else self.bot_token


class ConnectionState(Struct, frozen=True, kw_only=True):
    """How it is doing; written by the worker that holds the socket, read by the API and `/readyz`."""

    status: ConnectionStatus
    since: float  # Unix seconds of the last change of status
    error: str = ""  # Slack's own word, or a closed word of ours
    explanation: str = ""  # a plain sentence: what it means and what to do
    reconnects: int = 0
    offline_s: float = 0.0  # summed since the connection was made
    team: str = ""
    bot_user: str = ""
