"""The Socket Mode side: each envelope to one of the open sockets, again until acknowledged (slack-wire.md, 5)."""

import random
import secrets
from collections import deque
from dataclasses import dataclass, field
from time import time

from gevent.event import AsyncResult

from relay.core import json_text
from relay.http.websocket import WebSocket
from relay.simulator import events_api
from relay.simulator.alarm import Alarm
from relay.simulator.line import Line
from relay.simulator.options import SimulatorOptions
from relay.simulator.tickets import Tickets
from relay.simulator.workspace import Event, Workspace

SOCKET_LIMIT = 10
EXPECTED_LIFE_S = 18060
LEAVING_AT_ONCE = frozenset({"link_disabled", "too_many_websockets"})
"""Reasons after which Slack closes without waiting."""


@dataclass(slots=True, eq=False, kw_only=True)
class Envelope:
    """One thing that the app must acknowledge, through all its attempts."""

    kind: str  # "events_api", "slash_commands", "interactive"
    payload: Event = field(repr=False)
    accepts_response: bool = False
    attempt: int = 0  # how many have failed
    ids: list[str] = field(default_factory=list)  # of the attempts that were sent
    acknowledged: "AsyncResult[Event]" = field(default_factory=AsyncResult, repr=False)  # the payload that came back
    given_up: bool = False


class SocketMode:
    """Sleeps until the app opens its first socket; from then on, each event is an envelope."""

    def __init__(self, workspace: Workspace, options: SimulatorOptions, alarm: Alarm) -> None:
        self._workspace = workspace
        self._options = options
        self._alarm = alarm
        self._dice = random.Random(options.seed)
        self._waiting: dict[str, Envelope] = {}  # by the id of the attempt that waits for its acknowledgement
        self._numbers = 0
        self._in_use = False
        self.tickets = Tickets(options.url_life_s)
        self.lines: list[Line] = []
        self.envelopes: deque[Envelope] = deque(maxlen=options.remembered)

    def serve(self, websocket: WebSocket, ticket_id: str, *, short_lived: bool) -> None:
        """Plays Slack on `websocket`, from hello to its end (WebSocketClosed)."""
        line = Line(websocket)
        if self.tickets.redeem(ticket_id, time()) is None:
            self.disconnect("link_disabled", line)
        elif len(self.lines) >= SOCKET_LIMIT:
            self.disconnect("too_many_websockets", line)
        else:
            self._open(line, short_lived=short_lived)
        try:
            while True:
                self._follow(line.hear())
        finally:
            if line in self.lines:
                self.lines.remove(line)

    def broadcast(self, event: Event) -> None:
        """Offers what the Events API has for this event."""
        if not self._in_use:
            return
        for inner in events_api.inner_events(event, self._workspace):
            self._numbers += 1
            self.offer("events_api", events_api.envelope(inner, self._workspace, number=self._numbers, now=time()))

    def offer(self, kind: str, payload: Event, *, accepts_response: bool = False) -> Envelope:
        """Sends an envelope until it is acknowledged or the schedule is used up."""
        envelope = Envelope(kind=kind, payload=payload, accepts_response=accepts_response)
        self.envelopes.append(envelope)
        self._send(envelope)
        return envelope

    def disconnect(self, reason: str, line: Line) -> None:
        """`warning` is only a word; after the others the socket is closed, at once or after the notice."""
        line.say({"type": "disconnect", "reason": reason, "debug_info": {"host": "simulated"}})
        if reason in LEAVING_AT_ONCE:
            line.close()
        elif reason != "warning":
            self._alarm.after(self._options.socket_notice_s, line.close)

    def _open(self, line: Line, *, short_lived: bool) -> None:
        self._in_use = True
        self.lines.append(line)
        life_s = self._options.socket_life_s if short_lived else EXPECTED_LIFE_S
        line.say(
            {
                "type": "hello",
                "num_connections": len(self.lines),
                "connection_info": {"app_id": self._workspace.app},
                "debug_info": {"host": "simulated", "build_number": 1, "approximate_connection_time": life_s},
            }
        )
        if short_lived:
            notice_s = min(self._options.socket_notice_s, life_s)
            self._alarm.after(life_s - notice_s, lambda: self.disconnect("warning", line))
            self._alarm.after(life_s, lambda: self.disconnect("refresh_requested", line))

    def _send(self, envelope: Envelope) -> None:
        talking = [line for line in self.lines if line.open]
        if not talking:
            self._send_again(envelope)
            return
        id = secrets.token_hex(16)
        envelope.ids.append(id)
        self._waiting[id] = envelope
        self._alarm.after(self._options.ack_s, lambda: self._time_out(id))
        self._dice.choice(talking).say(
            {
                "envelope_id": id,
                "payload": envelope.payload,
                "type": envelope.kind,
                "accepts_response_payload": envelope.accepts_response,
                "retry_attempt": envelope.attempt,
                "retry_reason": "timeout" if envelope.attempt else "",
            }
        )

    def _time_out(self, id: str) -> None:
        envelope = self._waiting.pop(id, None)
        if envelope is not None:
            self._send_again(envelope)

    def _send_again(self, envelope: Envelope) -> None:
        if envelope.attempt >= len(self._options.retries_s):
            envelope.given_up = True
            return
        wait_s = self._options.retries_s[envelope.attempt]
        envelope.attempt += 1
        self._alarm.after(wait_s, lambda: self._send(envelope))

    def _follow(self, frame: str | bytes) -> None:
        try:
            said = json_text.read(frame.encode() if isinstance(frame, str) else frame)
        except json_text.NotJson:
            return
        if not isinstance(said, dict):
            return
        envelope = self._waiting.pop(str(said.get("envelope_id", "")), None)
        if envelope is not None:
            payload = said.get("payload")
            envelope.acknowledged.set(payload if isinstance(payload, dict) else {})
