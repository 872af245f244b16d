"""What the Slack side has to tell beyond relay/report.py's common facts."""

from typing import ClassVar

from relay.core import metrics
from relay.core.tally import Tally
from relay.report import Fact, Level


class ConnectionDeaf(Fact, frozen=True, kw_only=True):
    """No process hears Slack on it any more: what Slack says from now on may be lost."""

    level: ClassVar[Level] = Level.WARNING
    connection: str
    since: float  # Unix seconds
    error: str = ""


class ConnectionHeard(Fact, frozen=True, kw_only=True):
    """Slack is heard on it again."""

    connection: str
    gap_s: float


class FramesSkipped(Fact, frozen=True, kw_only=True):
    """Frames that are no JSON, no object, or such that no envelope could be made of them; the connection goes on."""

    level: ClassVar[Level] = Level.WARNING
    connection: str
    frames: int

    def count(self, tally: Tally) -> None:
        tally.add(metrics.FRAMES_SKIPPED, self.connection, by=self.frames)


class SocketOpened(Fact, frozen=True, kw_only=True):
    level: ClassVar[Level] = Level.DEBUG
    connection: str
    line: int
    team: str = ""


class SocketEnded(Fact, frozen=True, kw_only=True):
    level: ClassVar[Level] = Level.DEBUG
    connection: str
    line: int
    why: str
    detail: str = ""

    def count(self, tally: Tally) -> None:
        tally.add(metrics.SOCKETS_ENDED, self.why)
