"""One socket from opening to end, in a greenlet of its own: reads frames, carries out what the session wants, tells
the keeper.

All waiting is in one place, the read, which also wakes for the session's next ping; so a socket costs one greenlet
and no timer beside it, and a thousand of them are cheap.
"""

from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import assert_never

import gevent
from gevent.event import AsyncResult
from gevent.lock import BoundedSemaphore

from relay.core.complaints import Complaint, complaint
from relay.core.rtm_event import Identity
from relay.core.session import Answered, Greeted, Handed, Happened, Over, Ping, Renew, Say, Session, Step
from relay.core.upkeep import Fading, Gone, Note, Refused, Up
from relay.core.webhook import Json
from relay.report import Reporter
from relay.slack.dial import Dialer
from relay.slack.dialect import Dialect, NoTicket, Reader
from relay.slack.facts import FramesSkipped, SocketEnded, SocketOpened
from relay.slack.wire import NotOpened, Wire, WireLost

LINGER_S = 4.0
"""How long a replaced socket is still read: for frames that were on their way when its successor came up, and for
acknowledgements that wait for an answer."""
TELL_SKIPPED_EVERY_S = 10.0
PAUSE_S = 0.001
"""A read that waited so long has let the others run; whoever has gone on for so long should."""

TellNote = Callable[[Note], None]


class Line:
    """`run` it in a greenlet; it tells Refused, or Up, perhaps Fading, and Gone."""

    def __init__(
        self,
        number: int,
        dialect: Dialect,
        dialer: Dialer,
        *,
        connection: str,
        open_s: float,
        opening: BoundedSemaphore,
        tell: TellNote,
        report: Reporter,
    ) -> None:
        self.number = number
        self.identity = Identity()
        self._connection = connection
        self._dialect = dialect
        self._dialer = dialer
        self._open_s = open_s
        self._opening = opening
        self._tell = tell
        self._report = report
        self._socket: tuple[Wire, Session] | None = None  # while it is up
        self._answers: dict[int, AsyncResult[Mapping[str, Json]]] = {}
        self._let_go_at = float("inf")
        self._skipped = 0
        self._skipped_told_at = float("-inf")

    def __repr__(self) -> str:
        return f"<Line {self.number} of {self._connection}>"

    def run(self) -> None:
        """Tells how it ended, whatever happens in between."""
        note: Note = self._gone(complaint("internal_error", "a fault of the relay; see its log"), monotonic())
        try:
            note = self._live()
        finally:
            self._tell(note)

    def let_go(self) -> None:
        """Its successor is up: read on for LINGER_S, then end."""
        self._let_go_at = monotonic() + LINGER_S

    @property
    def is_up(self) -> bool:
        return self._socket is not None

    def say(self, frame: Mapping[str, Json]) -> bool:
        """Put a frame on its way, without waiting; False if the socket is not up."""
        if self._socket is None:
            return False
        wire, session = self._socket
        try:
            wire.send(session.say(frame, awaited=False)[1])
        except WireLost:
            return False
        return True

    def ask(self, frame: Mapping[str, Json], *, within_s: float) -> Mapping[str, Json] | None:
        """Say a frame that Slack answers; None if the socket is not up, or no answer comes."""
        if self._socket is None:
            return None
        wire, session = self._socket
        number, text = session.say(frame, awaited=True)
        self._answers[number] = AsyncResult()
        try:
            wire.send(text)
            return self._answers[number].get(timeout=within_s)
        except (WireLost, gevent.Timeout):
            return None
        finally:
            del self._answers[number]

    def _live(self) -> Note:
        with self._opening:
            ticket = self._dialect.ticket()
            if isinstance(ticket, NoTicket):
                return Refused(line=self.number, complaint=ticket.complaint, retry_after_s=ticket.retry_after_s)
            try:
                wire = Wire.open(ticket.url, self._dialer, within_s=self._open_s)
            except NotOpened as error:
                return Refused(line=self.number, complaint=complaint("unreachable", str(error)))
        session = self._dialect.session(asked_at=ticket.asked_at, opened_at=monotonic())
        self._report(SocketOpened(connection=self._connection, line=self.number, team=ticket.identity.team))
        self.identity = ticket.identity
        try:
            why = self._listen(wire, session, self._dialect.reader(ticket.identity, wire.send))
        except WireLost as lost:
            why = complaint("closed", str(lost))
        finally:
            self._socket = None
            wire.close()
            self._tell_skipped(session, monotonic())
        self._report(SocketEnded(connection=self._connection, line=self.number, why=why.word, detail=why.sentence))
        return self._gone(why, session.heard_at)

    def _listen(self, wire: Wire, session: Session, reader: Reader) -> Complaint:
        """Until the session has enough, or we have. Raises WireLost."""
        paused_at = monotonic()
        while (now := monotonic()) < self._let_go_at:
            asked_at, received = now, wire.receive(min(session.due_at, self._let_go_at) - now)
            now = monotonic()
            if received.any:
                session.heard(now)
            for payload in received.pongs:
                session.ponged(payload)
            if received.texts:
                steps = session.receive(received.texts)
                self._skipped += reader.take(steps, now=now)
                if (over := self._carry_out(steps, wire, session)) is not None:
                    return over
            if (over := self._carry_out(session.tick(now), wire, session)) is not None:
                return over
            self._tell_skipped(session, now)
            if now - asked_at >= PAUSE_S:
                paused_at = now
            elif now - paused_at >= PAUSE_S:
                gevent.sleep(0)  # a socket that always has something to read must not keep the others from running
                paused_at = monotonic()
        return complaint("closed", "replaced")

    def _greet(self, wire: Wire, session: Session) -> None:
        self._socket = (wire, session)
        for frame in self._dialect.first_words():
            self.say(frame)
        self._tell(Up(line=self.number))

    def _carry_out(self, steps: Iterable[Step], wire: Wire, session: Session) -> Complaint | None:
        """What the session wants of us; a complaint if that is the end."""
        for step in steps:
            match step:
                case Happened() | Handed():
                    pass  # the reader has them already
                case Say(text=text):
                    wire.send(text)
                case Ping(payload=payload):
                    wire.ping(payload)
                case Renew():
                    self._tell(Fading(line=self.number))
                case Over(why=why):
                    return complaint(why)
                case Answered(number=number, answer=answer):
                    if number in self._answers:
                        self._answers[number].set(answer)
                case Greeted():
                    self._greet(wire, session)
                case _:
                    assert_never(step)
        return None

    def _gone(self, why: Complaint, heard_at: float) -> Gone:
        return Gone(line=self.number, complaint=why, heard_at=heard_at)

    def _tell_skipped(self, session: Session, now: float) -> None:
        skipped = self._skipped + session.skipped
        if skipped and now - self._skipped_told_at >= TELL_SKIPPED_EVERY_S:
            self._skipped = session.skipped = 0
            self._skipped_told_at = now
            self._report(FramesSkipped(connection=self._connection, frames=skipped))
