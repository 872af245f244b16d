"""The RTM side: the open connections, each of which gets every event."""

from collections.abc import Callable
from time import time

from msgspec import Struct
from websockets.frames import CloseCode

from relay.core import json_text
from relay.http.websocket import WebSocket
from relay.simulator.line import Line
from relay.simulator.rtm_session import Reaction, RtmSession
from relay.simulator.stamps import Stamps
from relay.simulator.tickets import Ticket, Tickets
from relay.simulator.workspace import Event, Workspace

HELLO: Event = {"type": "hello", "fast_reconnect": False, "region": "simulated", "start": True}
EXPIRED: Event = {"type": "error", "error": {"code": 1, "msg": "Socket URL has expired"}}


class RtmConnection(Struct, frozen=True, kw_only=True, eq=False):
    token: str
    line: Line
    session: RtmSession


class Rtm:
    """`publish` is called with each event that a client causes."""

    def __init__(
        self, workspace: Workspace, stamps: Stamps, *, url_life_s: float, publish: Callable[[Event], None]
    ) -> None:
        self._workspace = workspace
        self._stamps = stamps
        self._publish = publish
        self._presences = {person.id: "active" for person in workspace.people} | {workspace.bot_user: "away"}
        self._last_replies: dict[str, Event] = {}  # by token: said again on its next connection
        self.tickets = Tickets(url_life_s)
        self.connections: list[RtmConnection] = []

    def serve(self, websocket: WebSocket, ticket_id: str) -> None:
        """Plays Slack on `websocket`, from hello to its end (WebSocketClosed)."""
        line = Line(websocket)
        ticket = self.tickets.redeem(ticket_id, time())
        if ticket is None:
            line.say(EXPIRED)
            line.say({})  # seen in the field (slack-wire.md, 1.3)
            line.close()
            line.hear()
            return
        session = RtmSession(self._workspace, ticket, stamps=self._stamps, presences=self._presences)
        connection = RtmConnection(token=ticket.token, line=line, session=session)
        self._greet(connection, ticket)
        self.connections.append(connection)
        self._presences[self._workspace.bot_user] = "active"
        try:
            while True:
                self._follow(connection, session.react(line.hear(), time()))
        finally:
            self.connections.remove(connection)
            if not self.connections:
                self._presences[self._workspace.bot_user] = "away"

    def broadcast(self, event: Event) -> None:
        """To every open connection, and to those that are about to open."""
        if event.get("type") == "presence_change":
            self._tell_presence(event)
            return
        text = json_text.write(event).decode()
        for ticket in self.tickets.unused(time()):
            ticket.held.append(text)
        for connection in list(self.connections):
            connection.line.say_text(text)

    def _greet(self, connection: RtmConnection, ticket: Ticket) -> None:
        line = connection.line
        line.say(HELLO)
        replayed = self._last_replies.pop(ticket.token, None)
        if replayed is not None:
            line.say(replayed)
        for text in ticket.held:
            line.say_text(text)

    def _follow(self, connection: RtmConnection, reaction: Reaction) -> None:
        for reply in reaction.replies:
            connection.line.say(reply)
            if reply.get("ok") is True:
                self._last_replies[connection.token] = {**reply, "type": "message"}
        for event in reaction.events:
            self._publish(event)
        if reaction.drop:
            connection.line.close(CloseCode.POLICY_VIOLATION)

    def _tell_presence(self, event: Event) -> None:
        self._presences[str(event.get("user", ""))] = str(event.get("presence", "active"))
        for connection in list(self.connections):
            mine = connection.session.presence_for_me(event)
            if mine is not None:
                connection.line.say(mine)
