"""The Slack side of a worker over a real Redis: what `relay.service` builds, and what a test wants to see of it."""

import io
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from relay.cli.log import Report
from relay.core.connection import Connection, ConnectionState, Kind
from relay.core.envelope import Envelope
from relay.report import Fact, Level
from relay.slack.dial import Dialer
from relay.slack.inbox import Inbox
from relay.slack.inboxes import Inboxes
from relay.slack.options import SlackOptions
from relay.slack.supervisor import SlackStore, Supervisor
from relay.store.client import Client, StoreOptions
from relay.store.connection_states import ConnectionStates
from relay.store.connections import DEFAULT_RTM, Connections
from relay.store.deliveries import Deliveries
from relay.store.journal import Journal
from relay.store.notices import Notices
from relay.store.occurrences import Occurrences
from relay.store.turns import Turns
from relay.store.vault import Vault
from relay.store.workers import Workers
from tests.waiting import PATIENCE_S, until

RTM = Connection(id=DEFAULT_RTM, kind=Kind.RTM, token="xoxb-secret", name="default", created_at=1.0)


class SlackSide:
    """`with SlackSide(redis_url, slack.api_url) as worker:`"""

    def __init__(self, redis_url: str, options: SlackOptions | str, *connections: Connection) -> None:
        options = SlackOptions(api_url=options) if isinstance(options, str) else options
        self.client = Client(StoreOptions(url=redis_url, timeout_s=1.0))
        self.connections = Connections(self.client, Vault())
        self.states = ConnectionStates(self.client)
        self.notices = Notices(self.client)
        self.workers = Workers(self.client)
        self.journal = Journal(self.client)
        self.deliveries = Deliveries(self.client)
        self.facts: list[Fact] = []
        self._log = Report(io.StringIO(), level=Level.DEBUG)
        self.inbox = Inbox(
            journal=self.journal, occurrences=Occurrences(self.client), options=options, report=self._report
        )
        store = SlackStore(
            connections=self.connections,
            states=self.states,
            notices=self.notices,
            workers=self.workers,
            turns=Turns(self.client),
        )
        self.supervisor = Supervisor(
            store, inboxes=Inboxes([self.inbox]), dialer=Dialer(options), options=options, report=self._report
        )
        for connection in connections or (RTM,):
            self.connections.ensure(connection)

    def __enter__(self) -> Self:
        self.supervisor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.supervisor.stop(1.0)
        self.client.close()

    def _report(self, fact: Fact) -> None:
        self._log(fact)  # it must be one that can be written
        self.facts.append(fact)

    def state(self, connection: Connection = RTM) -> ConnectionState | None:
        return self.states.get(connection.id)

    def becomes(self, status: str, connection: Connection = RTM, within_s: float = PATIENCE_S) -> ConnectionState:
        """Wait until the connection's status is `status`."""

        def there() -> ConnectionState | None:
            state = self.state(connection)
            return state if state is not None and state.status == status else None

        state = until(there, within_s, saying=f"{connection.id} is {status}")
        assert state is not None
        return state

    def envelopes(self) -> list[Envelope]:
        """All that the journal holds, in order."""
        ids = [entry.event_id for entry in self.journal.oldest("-", "+", 100_000) if not entry.echo]
        kept = [envelope for envelope in self.journal.envelopes(ids) if envelope is not None]
        assert len(kept) == len(ids)
        return kept

    def events(self, kind: str = "") -> list[Mapping[str, object]]:
        """The events of the journal, without the relay's own; `kind`: only those."""
        envelopes = self.envelopes()
        if kind:
            chosen = [envelope for envelope in envelopes if envelope.kind == kind]
        else:
            chosen = [envelope for envelope in envelopes if not envelope.kind.startswith("relay.")]
        return [json.loads(envelope.body)["event"] for envelope in chosen]

    def hears(self, count: int, kind: str = "", within_s: float = PATIENCE_S) -> list[Mapping[str, object]]:
        """Wait until so many events are in the journal."""
        until(lambda: len(self.events(kind)) >= count, within_s, saying=f"{count} events are there")
        return self.events(kind)

    def told(self, fact: type[Fact]) -> list[Fact]:
        return [each for each in self.facts if isinstance(each, fact)]
