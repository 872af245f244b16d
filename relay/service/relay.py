"""The one place that constructs: settings in, a running relay out.

`Relay` holds what a process runs and stops it in order: first it lets go of Slack and stores what was heard, then it
fans out and finishes
what is in flight, then the API goes, then Redis.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from enum import Flag, auto
from functools import partial
from secrets import token_hex
from socket import gethostname
from time import monotonic, time

from msgspec import Struct

from relay import __version__
from relay.admin.app import make_app
from relay.admin.dashboard.pages import dashboard
from relay.admin.exporter import exporter
from relay.admin.hub import Hub
from relay.admin.options import AdminOptions
from relay.admin.stream import Stream
from relay.core import metrics
from relay.core.readiness import Check, Readiness, check_connections, check_loops
from relay.core.tally import Tally
from relay.core.trace import Trace
from relay.deliver.post import Poster
from relay.deliver.sample import post_sample
from relay.http.server import HttpServer
from relay.loops import Loop, eventually
from relay.metrics import Metrics
from relay.report import Counting, Reporter, Started
from relay.service.environment import ENVIRONMENT, Environment
from relay.service.rooms import Store
from relay.service.stall import StallWatch
from relay.service.work import Work
from relay.settings import Settings
from relay.store.client import Client
from relay.store.counts import ProcessRecord
from relay.store.embedded import EmbeddedRedis
from relay.store.errors import StoreAway
from relay.store.vault import Vault
from relay.tracing import start as start_traces


class Parts(Flag):
    WEB = auto()
    WORK = auto()


class Running(Struct, frozen=True, kw_only=True):
    """What a process runs, for those who look at it from outside."""

    address: str  # of the API; "" without one
    ready: Callable[[], Readiness]


class Relay:
    """`with Relay(settings, Parts.WEB | Parts.WORK, report) as running: …`"""

    def __init__(self, settings: Settings, parts: Parts, report: Reporter) -> None:
        self._settings = settings
        self._parts = parts
        self._tally = Tally()
        self._report = Counting(report, self._tally)
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
        stalls = StallWatch(self._report)
        stalls.start()
        stack.callback(stalls.stop)
        poster = Poster(settings.post_options())
        stack.callback(poster.close, 0.0)
        traces = start_traces(settings.otlp_endpoint, self._report)
        if traces is not None:
            stack.callback(traces.stop)
        running = Running(address="", ready=partial(self._ready, store))
        if Parts.WEB in self._parts:
            admin = self._admin(store, poster)
            self._hub = hub = Hub(store.shards, tally=self._tally, report=self._report)
            stack.callback(hub.stop)
            app = make_app(admin, (exporter(admin), Stream(admin, hub).blueprint(), dashboard(admin)))
            server = HttpServer(app, settings.host, settings.port)
            server.start()
            stack.callback(server.stop, within_s=1.0)
            running = Running(address=server.url, ready=running.ready)
        if Parts.WORK in self._parts:
            environment = Environment(store.connections, client, settings)
            loop = Loop("environment", environment.turn, self._report)
            loop.start()
            stack.callback(loop.stop)
            stack.callback(self._end_work)
            stack.callback(eventually("work", partial(self._begin_work, store, poster, traces), self._report).stop)
        self._report(Started(what=_name(self._parts), version=__version__, address=running.address))
        return running

    def _begin_work(self, store: Store, poster: Poster, trace: Trace | None) -> None:
        """Raises StoreAway until Redis has said how many shards there are, and where a key is missing: who can't open
        what is kept must not borrow deliveries that he can't sign.
        """
        store.connections.all()
        store.webhooks.page(None, 1)
        self._work = Work(store, poster, self._settings, report=self._report, trace=trace)
        self._work.start()

    def _end_work(self) -> None:
        if self._work is not None:
            self._work.stop(self._settings.shutdown_s)

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
            shards=store.shards,
            connections=store.connections,
            api_keys=store.api_keys,
            audit=store.audit,
            idempotency=store.idempotency,
            sessions=store.sessions,
            counts=store.counts,
            states=store.states,
            notices=store.notices,
            ready=partial(self._ready, store),
            vet=poster.vet,
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
        checks = check_loops(self._work.beats, monotonic()) if self._work else self._no_work()
        try:
            wanted = store.connections.all()
            states = store.states.of(connection.id for connection in wanted)
        except StoreAway as away:
            return Readiness(checks=(*checks, Check(name="redis", ok=False, why=str(away))))
        deaf = self._work.deaf if self._work else frozenset()
        if deaf is None:
            checks.append(Check(name="connections", ok=False, why="it has not read yet which it is to hold"))
        connections = check_connections(wanted, states, deaf=deaf or (), own=ENVIRONMENT)
        return Readiness(checks=(Check(name="redis", ok=True), *checks, *connections))

    def _no_work(self) -> list[Check]:
        """It has not begun, or is not ours."""
        why = "it waits for Redis, and for the keys to what is kept there"
        return [Check(name="work", ok=False, why=why)] if Parts.WORK in self._parts else []


def _name(parts: Parts) -> str:
    return {Parts.WEB: "web", Parts.WORK: "worker"}.get(parts, "serve")
