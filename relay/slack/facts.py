"""What the Slack side has to tell beyond relay/report.py's common facts."""

from dataclasses import dataclass
from typing import ClassVar

from relay.core import metrics
from relay.core.tally import Tally
from relay.report import Fact, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsKept(Fact):
    """The journal has them: new ones, and copies of what was there already."""

    level: ClassVar[Level] = Level.DEBUG
    connection: str  # "relay" for the relay's own events
    new: int
    copies: int

    def count(self, tally: Tally) -> None:
        tally.add(metrics.EVENTS_RECEIVED, self.connection, by=self.new)
        tally.add(metrics.EVENTS_DEDUPLICATED, self.connection, by=self.copies)


@dataclass(frozen=True, slots=True, kw_only=True)
class FramesSkipped(Fact):
    """Frames that are no JSON, no object, or such that no envelope could be made of them; the connection goes on."""

    level: ClassVar[Level] = Level.WARNING
    connection: str
    frames: int

    def count(self, tally: Tally) -> None:
        tally.add(metrics.FRAMES_SKIPPED, self.connection, by=self.frames)


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

    def count(self, tally: Tally) -> None:
        tally.add(metrics.SOCKETS_ENDED, self.why)
