"""What every connection of a process shares, and how a keeper is put together from it."""

from random import random

from gevent.lock import BoundedSemaphore
from msgspec import Struct

from relay.core.connection import Connection, Kind
from relay.report import Reporter
from relay.slack.dial import Dialer
from relay.slack.dialect import Dialect
from relay.slack.inboxes import Inboxes
from relay.slack.keeper import Keeper
from relay.slack.line import Line, TellNote
from relay.slack.options import SlackOptions
from relay.slack.rooms import Rooms
from relay.slack.rtm import Rtm
from relay.slack.socket_mode import Desk, SocketMode
from relay.slack.spokesman import Spokesman
from relay.slack.web_api import WebApi
from relay.store.connection_states import ConnectionStates
from relay.store.turns import Turns


class Means(Struct, frozen=True, kw_only=True):
    worker: str
    web: WebApi
    dialer: Dialer
    inboxes: Inboxes
    desk: Desk
    states: ConnectionStates
    turns: Turns
    options: SlackOptions
    opening: BoundedSemaphore  # so many sockets are opened at once
    report: Reporter

    def keeper(self, connection: Connection) -> Keeper:
        inbox = self.inboxes.of(connection.id)
        spokesman = Spokesman(connection, self.worker, states=self.states, inbox=inbox, report=self.report)
        return Keeper(connection, self._dialect(connection), line=self._line, spokesman=spokesman, report=self.report)

    def _dialect(self, connection: Connection) -> Dialect:
        inbox = self.inboxes.of(connection.id)
        match connection.kind:
            case Kind.RTM:
                dice = random()  # spreads the renewals of many sockets
                rooms = Rooms(self.web, connection.token, report=self.report)
                return Rtm(connection, web=self.web, turns=self.turns, inbox=inbox, rooms=rooms, dice=dice)
            case Kind.SOCKET_MODE:
                return SocketMode(connection, web=self.web, inbox=inbox, desk=self.desk)

    def _line(self, connection: Connection, dialect: Dialect, *, number: int, tell: TellNote) -> Line:
        return Line(
            number,
            dialect,
            self.dialer,
            connection=connection.id,
            open_s=self.options.open_s,
            opening=self.opening,
            tell=tell,
            report=self.report,
        )
