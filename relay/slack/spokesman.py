"""Says how one connection stands: in the log, in Redis for the API and the other workers, and as events when it falls
silent.

Redis may be away, and Slack must not wait for it: what could not be said is said later, in its order.
"""

from collections import deque
from time import time

from msgspec.structs import replace

from relay.core.complaints import Complaint
from relay.core.connection import Connection, ConnectionState, ConnectionStatus
from relay.core.envelope import Envelope
from relay.core.own_event import connection_down, connection_up
from relay.core.rtm_event import Identity
from relay.report import ConnectionChanged, Reporter
from relay.slack.buffer import Arrival
from relay.slack.facts import ConnectionDeaf, ConnectionHeard
from relay.slack.inbox import Inbox
from relay.store.connection_states import ConnectionStates, Standing, Turn, Word
from relay.store.errors import StoreAway

UNSAID = 200
"""Kept while Redis is away; the oldest go first."""


class Spokesman:
    def __init__(
        self, connection: Connection, worker: str, *, states: ConnectionStates, inbox: Inbox, report: Reporter
    ) -> None:
        self._connection = connection
        self._worker = worker
        self._states = states
        self._inbox = inbox
        self._report = report
        self._view: ConnectionState | None = None
        self._last = Standing(view=None, hears=False, at=time())
        self._unsaid: deque[Standing] = deque(maxlen=UNSAID)

    @property
    def has_more_to_say(self) -> bool:
        return bool(self._unsaid)

    def stands(self, status: ConnectionStatus, complaint: Complaint | None, identity: Identity) -> None:
        """How our own socket is doing; a line in the log where that is news."""
        was = self._view
        view = ConnectionState(
            status=status,
            since=was.since if was is not None and was.status is status else time(),
            error=complaint.word if complaint else "",
            explanation=complaint.sentence if complaint else "",
            team=identity.team,
            bot_user=identity.bot_user,
        )
        if view == was:
            return
        self._view = view
        if was is None or (view.status, view.error) != (was.status, was.error):
            self._log(view, was)
        self._note(replace(self._last, view=view, replaced=False))

    def hears(self, at: float, *, again: bool) -> None:
        """A socket is up, since `at` (Unix seconds)."""
        self._note(replace(self._last, hears=True, at=at, replaced=again))

    def deaf(self, since: float) -> None:
        """Our last socket was lost; it was last heard at `since` (Unix seconds)."""
        self._note(replace(self._last, hears=False, at=since, replaced=False))

    def ends(self, *, paused: bool) -> None:
        """We let go of it."""
        stopped = ConnectionState(status=ConnectionStatus.STOPPED, since=time())
        if paused:
            self._log(stopped, self._view)
        self._note(Standing(view=stopped if paused else None, hears=False, at=time(), paused=paused))
        self.speak()

    def speak(self) -> None:
        """Say what is not said yet, as far as Redis is there."""
        while self._unsaid:
            says = self._unsaid[0]
            try:
                turn = self._states.say(self._connection.id, self._worker, says)
            except StoreAway:
                return
            self._unsaid.popleft()
            self._publish(turn, says)

    def _note(self, says: Standing) -> None:
        self._last = says
        self._unsaid.append(says)

    def _publish(self, turn: Turn, says: Standing) -> None:
        """What the connection as a whole went through: a line in the log, and an event."""
        if turn.word in (Word.DEAF, Word.LATE):
            self._report(ConnectionDeaf(connection=self._connection.id, since=turn.since, error=self._error))
            self._put(self._down(turn.since))
        if turn.word in (Word.BACK, Word.LATE):
            self._report(ConnectionHeard(connection=self._connection.id, gap_s=turn.gap_s))
            self._put(
                connection_up(
                    self._connection.id, self._connection.name, gap_s=turn.gap_s, now=says.at, team=self._team
                )
            )

    def _down(self, since: float) -> Envelope:
        return connection_down(
            self._connection.id,
            self._connection.name,
            error=self._error or "stopped",
            now=time(),
            since=since,
            team=self._team,
        )

    @property
    def _error(self) -> str:
        return self._view.error if self._view is not None else ""

    @property
    def _team(self) -> str:
        return self._view.team if self._view is not None else ""

    def _put(self, envelope: Envelope) -> None:
        self._inbox.put([Arrival(source=self._connection.id, envelopes=(envelope,), size_bytes=len(envelope.body))])

    def _log(self, view: ConnectionState, was: ConnectionState | None) -> None:
        self._report(
            ConnectionChanged(
                connection=self._connection.id,
                kind=self._connection.kind,
                status=view.status,
                was=was.status if was is not None else "",
                lasted_s=view.since - was.since if was is not None else None,
                team=view.team,
                error=view.error,
                explanation=view.explanation,
            )
        )
