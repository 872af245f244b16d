"""The one place that constructs: settings in, a running relay out.

`Relay` holds what a process runs and stops it in order: first it lets go of Slack and stores what was heard, then it
fans out and finishes
what is in flight, then the API goes, then Redis.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Flag, auto
from functools import partial
from secrets import token_hex
from socket import gethostname
from time import monotonic, time

from relay import __version__
from relay.admin.app import make_app
from relay.admin.dashboard.pages import dashboard
from relay.admin.exporter import exporter
from relay.admin.hub import Hub
from relay.admin.options import AdminOptions, Shard
from relay.admin.stream import Stream
from relay.core import metrics
from relay.core.address import Network
from relay.core.connection import Connection, Kind
from relay.core.ids import ConnectionId
from relay.core.outcome import Refused
from relay.core.readiness import Check, Readiness, check_connections, check_loops
from relay.core.tally import Tally
from relay.core.url import vet_url
from relay.deliver.health import Health
from relay.deliver.post import Poster
from relay.deliver.sample import post_sample
from relay.deliver.worker import Rooms, Worker
from relay.fanout import FanOut
from relay.http.server import HttpServer
from relay.loops import Loop, eventually
from relay.metrics import Metrics
from relay.report import Reporter, Started, counting
from relay.settings import Settings
from relay.slack.inbox import Inbox
from relay.slack.supervisor import SlackStore, Supervisor
from relay.store.apikeys import ApiKeys
from relay.store.audit import Audit
from relay.store.backlogs import Backlogs
from relay.store.client import Client
from relay.store.connection_states import ConnectionStates
from relay.store.connections import Connections
from relay.store.counts import Counts, ProcessRecord
from relay.store.deliveries import Deliveries
from relay.store.directory import Directory
from relay.store.embedded import EmbeddedRedis
from relay.store.errors import StoreAway
from relay.store.feed import Feed
from relay.store.idempotency import Idempotency
from relay.store.journal import Journal
from relay.store.notices import Notices
from relay.store.occurrences import Occurrences
from relay.store.outcomes import Outcomes
from relay.store.replays import Replays, ShardReplays
from relay.store.sessions import Sessions
from relay.store.turns import Turns
from relay.store.vault import Vault
from relay.store.webhooks import Webhooks
from relay.store.workers import Workers

DEFAULT_RTM = ConnectionId("con_default")
DEFAULT_SOCKET = ConnectionId("con_defaultsocket")
"""The connections that SLACK_BOT_TOKEN and SLACK_APP_TOKEN make: always the same two, however often a process
starts.
"""

LAST_WRITES_S = 2.0
"""Of the time for an orderly end, what is kept for writing down what came of the last POSTs."""


class Parts(Flag):
    WEB = auto()
    WORK = auto()


class Store:
    """Every room of the store over one client."""

    def __init__(self, client: Client, vault: Vault) -> None:
        self.client = client
        self.journal = Journal(client)
        self.deliveries = Deliveries(client)
        self.webhooks = Webhooks(client, vault)
        self.directory = Directory(self.webhooks)
        self.connections = Connections(client, vault)
        self.states = ConnectionStates(client)
        self.notices = Notices(client)
        self.occurrences = Occurrences(client)
        self.replays = Replays(client)
        self.shard_replays = ShardReplays(client)
        self.api_keys = ApiKeys(client)
        self.audit = Audit(client)
        self.idempotency = Idempotency(client, vault)
        self.sessions = Sessions(client)
        self.feed = Feed(client)
        self.outcomes = Outcomes(client)
        self.counts = Counts(client)
        self.backlogs = Backlogs(client)
        self.slack = SlackStore(
            connections=self.connections,
            states=self.states,
            notices=self.notices,
            workers=Workers(client),
            turns=Turns(client),
        )


class Work:
    """Connections, fan-out and deliveries."""

    def __init__(self, store: Store, poster: Poster, settings: Settings, *, report: Reporter) -> None:
        slack = settings.slack_options()
        self._poster = poster
        inbox = Inbox(journal=store.journal, occurrences=store.occurrences, options=slack, report=report)
        self._supervisor = Supervisor(store.slack, inbox=inbox, options=slack, report=report)
        health = Health(store.webhooks, store.deliveries, store.journal, report=report)
        rooms = Rooms(
            journal=store.journal,
            deliveries=store.deliveries,
            directory=store.directory,
            poster=poster,
            health=health,
            outcomes=store.outcomes,
        )
        self._worker = Worker(rooms, settings.deliver_options(), report)
        self._fan_out = Loop("fan out", FanOut(store.journal, store.directory, report).turn, report)
        self._claim = Loop("claim", self._worker.claim, report)
        self._settle = Loop("settle", self._worker.settle, report)

    @property
    def beats(self) -> Mapping[str, float]:
        loops = (self._fan_out, self._claim, self._settle)
        return {loop.name: loop.last_turn for loop in loops} | dict(self._supervisor.beats)

    @property
    def in_flight(self) -> int:
        return self._worker.in_flight

    def start(self) -> None:
        for loop in (self._settle, self._claim, self._fan_out):
            loop.start()
        self._supervisor.start()

    def stop(self, within_s: float) -> None:
        deadline = monotonic() + within_s
        self._worker.stop_claiming()
        self._supervisor.stop(min(5.0, within_s / 2))
        self._fan_out.stop(0.1)
        self._claim.stop(0.1)
        self._poster.close(max(0.0, deadline - monotonic() - LAST_WRITES_S))
        self._settle.stop_when(lambda: not self._worker.in_flight, max(0.1, deadline - monotonic()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What a process runs, for those who look at it from outside."""

    address: str  # of the API; "" without one
    ready: Callable[[], Readiness]


class Relay:
    """`with Relay(settings, Parts.WEB | Parts.WORK, report) as running: …`"""

    def __init__(self, settings: Settings, parts: Parts, report: Reporter) -> None:
        self._settings = settings
        self._parts = parts
        self._tally = Tally()
        self._report = counting(report, self._tally)
        self._stack = ExitStack()
        self._work: Work | None = None
        self._hub: Hub | None = None
        self._started_at = time()

    def __enter__(self) -> Running:
        with ExitStack() as stack:
            running = self._start(stack)
            self._stack = stack.pop_all()
        return running

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, stack: ExitStack) -> Running:
        settings = self._settings
        client = Client(settings.store_options(settings.redis or self._embed(stack)), self._time)
        stack.callback(client.close)
        store = Store(client, Vault(settings.secret_keys))
        told = Metrics(self._tally, store.counts, token_hex(4), look=self._look, report=self._report)
        told.start()
        stack.callback(told.stop)
        poster = Poster(settings.post_options())
        stack.callback(poster.close, 0.0)
        running = Running(address="", ready=partial(self._ready, store))
        if Parts.WEB in self._parts:
            admin = self._admin(store, poster)
            self._hub = hub = Hub(store.feed, store.journal, store.outcomes, tally=self._tally, report=self._report)
            stack.callback(hub.stop)
            stream = Stream(admin, hub, store.feed)
            app = make_app(admin, (exporter(admin, store.backlogs), stream.blueprint(), dashboard(admin)))
            server = HttpServer(app, settings.host, settings.port)
            server.start()
            stack.callback(server.stop, within_s=1.0)
            running = Running(address=server.url, ready=running.ready)
        if Parts.WORK in self._parts:
            ensure = partial(ensure_connections, store.connections, settings)
            stack.callback(eventually("connections of the environment", ensure, self._report).stop)
            self._work = Work(store, poster, settings, report=self._report)
            self._work.start()
            stack.callback(self._work.stop, settings.shutdown_s)
        self._report(Started(what=_name(self._parts), version=__version__, address=running.address))
        return running

    def _embed(self, stack: ExitStack) -> str:
        """The address of a Redis of our own, which is brought back if it ends by itself."""
        server = stack.enter_context(EmbeddedRedis(self._settings.embedded_folder))
        loop = Loop("redis", server.keep_up, self._report)
        loop.start()
        stack.callback(loop.stop)
        return server.url

    def _admin(self, store: Store, poster: Poster) -> AdminOptions:
        return AdminOptions(
            admin_token=self._settings.admin_token,
            webhooks=store.webhooks,
            directory=store.directory,
            replays=store.replays,
            shards=(Shard(journal=store.journal, deliveries=store.deliveries, replays=store.shard_replays),),
            connections=store.connections,
            api_keys=store.api_keys,
            audit=store.audit,
            idempotency=store.idempotency,
            sessions=store.sessions,
            counts=store.counts,
            states=store.states,
            notices=store.notices,
            ready=partial(self._ready, store),
            vet=partial(_vet, allowed=self._settings.allowed_networks),
            post=partial(post_sample, poster=poster, options=self._settings.deliver_options()),
            report=self._report,
            version=__version__,
        )

    def _time(self, script: str, seconds: float) -> None:
        self._tally.observe(metrics.REDIS_CALL_S, seconds, script)

    def _look(self) -> ProcessRecord:
        now, work = monotonic(), self._work
        return ProcessRecord(
            what=_name(self._parts),
            host=gethostname(),
            version=__version__,
            pid=os.getpid(),
            started_at=self._started_at,
            loops_idle_s={name: round(now - beat, 1) for name, beat in work.beats.items()} if work else {},
            in_flight=work.in_flight if work else 0,
            watchers=len(self._hub) if self._hub else 0,
        )

    def _ready(self, store: Store) -> Readiness:
        checks = check_loops(self._work.beats, monotonic()) if self._work else []
        try:
            wanted = store.connections.all()
            states = store.states.of(connection.id for connection in wanted)
        except StoreAway as away:
            return Readiness(checks=(*checks, Check(name="redis", ok=False, why=str(away))))
        return Readiness(checks=(Check(name="redis", ok=True), *checks, *check_connections(wanted, states)))


def ensure_connections(connections: Connections, settings: Settings) -> None:
    """Let the connections that the environment names exist. Raises StoreAway."""
    for token, id, kind, name in (
        (settings.bot_token, DEFAULT_RTM, Kind.RTM, "default"),
        (settings.app_token, DEFAULT_SOCKET, Kind.SOCKET_MODE, "default-socket"),
    ):
        if token:
            now = time()
            connections.ensure(Connection(id=id, kind=kind, token=token, name=name, created_at=now, updated_at=now))


def _vet(url: str, allowed: tuple[Network, ...]) -> Refused | None:
    vetted = vet_url(url, allowed)
    return vetted if isinstance(vetted, Refused) else None


def _name(parts: Parts) -> str:
    return {Parts.WEB: "web", Parts.WORK: "worker"}.get(parts, "serve")
