"""Holds as many connections as the store says: starts a keeper for each, and follows every change while it runs."""

from collections.abc import Mapping
from dataclasses import replace
from random import random

from relay.core.connection import Connection, ConnectionStatus, Kind
from relay.core.ids import ConnectionId
from relay.loops import Loop
from relay.report import Reporter
from relay.slack.dial import Dialer
from relay.slack.dialect import Dialect
from relay.slack.inbox import Inbox
from relay.slack.keeper import Keeper, Means
from relay.slack.line import Line, TellNote
from relay.slack.options import SlackOptions, tls_context
from relay.slack.rtm import Rtm
from relay.slack.web_api import WebApi
from relay.store.connections import ConnectionChanges, Connections, ConnectionStates
from relay.store.errors import StoreAway


class Supervisor:
    def __init__(
        self,
        *,
        connections: Connections,
        states: ConnectionStates,
        changes: ConnectionChanges,
        inbox: Inbox,
        options: SlackOptions,
        report: Reporter,
    ) -> None:
        self._connections = connections
        self._changes = changes
        self._inbox = inbox
        self._options = options
        self._report = report
        self._dialer = Dialer(options, tls_context())
        self._web = WebApi(options, self._dialer)
        self._means = Means(inbox=inbox, states=states, report=report, line=self._line)
        self._keepers: dict[ConnectionId, Keeper] = {}
        self._position: str | None = None  # None: everything is to be read
        self._loop = Loop("supervisor", self._turn, report)

    def __repr__(self) -> str:
        return f"<Supervisor of {len(self._keepers)} connections>"

    @property
    def beats(self) -> Mapping[str, float]:
        """When each loop last turned, by the steady clock; a loop that is well turns every few seconds."""
        return {loop.name: loop.last_turn for loop in (self._loop, self._inbox.loop)}

    def start(self) -> None:
        self._inbox.start()
        self._loop.start()

    def stop(self, within_s: float) -> None:
        """Let go of every connection, then store what was heard."""
        self._loop.stop()
        for keeper in self._keepers.values():
            keeper.stop()
        self._keepers.clear()
        self._inbox.stop(within_s)

    def _turn(self) -> None:
        try:
            if self._position is None:
                self._read_all()
            else:
                self._follow(self._position)
        except StoreAway:
            self._position = None  # who knows what Redis remembers when it is back
            raise

    def _read_all(self) -> None:
        position = self._changes.position()
        wanted = {connection.id: connection for connection in self._connections.all()}
        for id in self._keepers.keys() | wanted.keys():
            self._attend(id, wanted.get(id))
        self._position = position

    def _follow(self, position: str) -> None:
        changes = self._changes.wait(position)
        for id in changes.saved:
            self._attend(id, self._connections.get(id))
        for id in changes.renew:
            if id in self._keepers:
                self._keepers[id].renew()
        self._position = changes.position

    def _attend(self, id: ConnectionId, wanted: Connection | None) -> None:
        """Bring what runs in line with what is wanted."""
        keeper = self._keepers.get(id)
        if keeper is not None and wanted is not None and _same(keeper.connection, wanted):
            return
        if keeper is not None:
            del self._keepers[id]
            keeper.stop(ConnectionStatus.STOPPED if wanted is not None and wanted.paused else None)
        if wanted is not None and not wanted.paused:
            self._keepers[id] = keeper = Keeper(wanted, self._dialect(wanted), self._means)
            keeper.start()

    def _dialect(self, connection: Connection) -> Dialect:
        match connection.kind:
            case Kind.RTM:
                return Rtm(connection, web=self._web, inbox=self._inbox, dice=random())  # spreads load
            case Kind.SOCKET_MODE:
                raise NotImplementedError

    def _line(self, connection: Connection, dialect: Dialect, *, number: int, tell: TellNote) -> Line:
        return Line(
            number,
            dialect,
            self._dialer,
            connection=connection.id,
            open_s=self._options.open_s,
            tell=tell,
            report=self._report,
        )


def _same(held: Connection, wanted: Connection) -> bool:
    """Nothing has changed that the sockets would notice."""
    return replace(held, version=wanted.version, updated_at=wanted.updated_at) == wanted
