"""Socket Mode: apps.connections.open opens a socket, on which Slack hands over envelopes and keeps them until they
are acknowledged.

An envelope is acknowledged after append, never before. Slash commands and interactions may carry an answer back: then
the acknowledgement waits for the first webhook that answers (store/notices.py brings it), but not beyond ANSWER_S.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic, time

import gevent

from relay.core.connection import Connection
from relay.core.envelope import Media
from relay.core.ids import EventId
from relay.core.rtm_event import Identity
from relay.core.session import Frame, Handed, Step
from relay.core.socket_event import acknowledgement, handed_envelope, read_answer
from relay.core.socket_session import SocketSession
from relay.core.webhook import Json
from relay.loops import once
from relay.report import Reporter
from relay.slack.buffer import Arrival
from relay.slack.dialect import NoTicket, Ticket, refusal
from relay.slack.inbox import Inbox
from relay.slack.web_api import Granted, WebApi, word_in
from relay.slack.wire import WireLost

ANSWER_S = 2.5
"""Slack wants the acknowledgement within three."""


@dataclass(slots=True, kw_only=True)
class _Waiting:
    envelope_id: str
    send: Callable[[bytes], None]
    until: float  # of the steady clock
    timer: "gevent.Greenlet[[], None] | None" = None


class Desk:
    """Acknowledgements that wait for a webhook's answer; one for the process."""

    __slots__ = ("_report", "_waiting")

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._waiting: dict[EventId, _Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self, event: EventId, waiting: _Waiting) -> None:
        """From now on an answer to `event` goes out with the acknowledgement; without one it goes out by itself in
        time."""
        self._waiting[event] = waiting
        waiting.timer = once(f"acknowledge {event}", partial(self._run_out, event, waiting.until), self._report)

    def answer(self, event: EventId, body: bytes) -> None:
        """A webhook's answer; nobody's business if `event` is not ours, or no longer waits."""
        self._close(event, read_answer(body))

    def stop(self) -> None:
        """Acknowledge what still waits."""
        for event in list(self._waiting):
            self._close(event, None)

    def _run_out(self, event: EventId, until: float) -> None:
        gevent.sleep(max(0.0, until - monotonic()))
        self._close(event, None)

    def _close(self, event: EventId, answer: Json) -> None:
        waiting = self._waiting.pop(event, None)
        if waiting is None:
            return
        if waiting.timer is not None and waiting.timer is not gevent.getcurrent():
            waiting.timer.kill(block=False)
        acknowledge(waiting.send, waiting.envelope_id, answer)


def acknowledge(send: Callable[[bytes], None], envelope_id: str, answer: Json = None) -> None:
    """On the socket that the envelope came by; if that is gone, Slack hands the envelope over again, and append
    knows it."""
    try:
        send(acknowledgement(envelope_id, answer))
    except WireLost:
        pass


class SocketMode:
    """The dialect of one Socket Mode connection."""

    __slots__ = ("_desk", "_inbox", "_web", "connection")

    def __init__(self, connection: Connection, *, web: WebApi, inbox: Inbox, desk: Desk) -> None:
        self.connection = connection
        self._web = web
        self._inbox = inbox
        self._desk = desk

    def ticket(self) -> Ticket | NoTicket:
        asked_at = monotonic()
        said = self._web.call("apps.connections.open", self.connection.token)
        if isinstance(said, Granted) and (url := word_in(said.answer, "url")):
            return Ticket(url=url, asked_at=asked_at, identity=Identity())
        return refusal(said)

    def session(self, *, asked_at: float, opened_at: float) -> SocketSession:  # noqa: ARG002  # Slack keeps events
        return SocketSession(opened_at=opened_at)

    def reader(self, identity: Identity, send: Callable[[bytes], None]) -> "SocketReader":  # noqa: ARG002  # Slack's own
        return SocketReader(self.connection, send, inbox=self._inbox, desk=self._desk)

    def first_words(self) -> list[Frame]:
        return []

    def follow(self, connection: Connection) -> list[Frame]:
        self.connection = connection
        return []


class SocketReader:
    """Turns what one socket hands over into arrivals, and acknowledges them."""

    __slots__ = ("_connection", "_desk", "_inbox", "_send")

    def __init__(self, connection: Connection, send: Callable[[bytes], None], *, inbox: Inbox, desk: Desk) -> None:
        self._connection = connection
        self._send = send
        self._inbox = inbox
        self._desk = desk

    def take(self, steps: Sequence[Step], *, now: float) -> int:
        arrivals: list[Arrival] = []
        unmade = 0
        for step in steps:
            if isinstance(step, Handed):
                try:
                    arrivals.append(self._arrival(step, now))
                except (ValueError, RecursionError):
                    unmade += 1
        if arrivals:
            self._inbox.put(arrivals)
        return unmade

    def _arrival(self, step: Handed, now: float) -> Arrival:
        """Raises ValueError, RecursionError."""
        envelope_id, payload = word_in(step.envelope, "envelope_id"), step.envelope.get("payload")
        if not isinstance(payload, dict):
            acknowledge(self._send, envelope_id)  # nothing to store, and Slack would send it again
            raise ValueError("an envelope without a payload")  # noqa: TRY004  # it is Slack's value
        envelope = handed_envelope(self._connection.id, word_in(step.envelope, "type"), payload, received_at=time())
        waiting = _Waiting(envelope_id=envelope_id, send=self._send, until=now + ANSWER_S)
        answerable = envelope.media is Media.FORM and step.envelope.get("accepts_response_payload") is True

        def stored() -> None:
            if answerable:
                self._desk.wait(envelope.event_id, waiting)
            else:
                acknowledge(self._send, envelope_id)

        return Arrival(source=self._connection.id, envelopes=(envelope,), size_bytes=len(step.text), stored=stored)
