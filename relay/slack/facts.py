"""What the Slack side has to tell beyond relay/report.py's common facts."""

from dataclasses import dataclass
from typing import ClassVar

from relay.report import Fact, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class FramesSkipped(Fact):
    """Frames that are no JSON, no object, or such that no envelope could be made of them; the connection goes on."""

    level: ClassVar[Level] = Level.WARNING
    connection: str
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketOpened(Fact):
    level: ClassVar[Level] = Level.DEBUG
    connection: str
    line: int
    team: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketEnded(Fact):
    level: ClassVar[Level] = Level.DEBUG
    connection: str
    line: int
    why: str
    detail: str = ""
