"""The API as a stranger meets it: the real application on a real server, over a real Redis, asked by bare HTTP."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from http.client import HTTPConnection
from ipaddress import ip_network
from time import time
from urllib.parse import urlsplit

from relay.admin.app import make_app
from relay.admin.dashboard.pages import dashboard
from relay.admin.exporter import exporter
from relay.admin.hub import Hub
from relay.admin.options import MOST_WEBHOOKS, AdminOptions
from relay.admin.stream import Stream, StreamOptions
from relay.core.connection import ConnectionState
from relay.core.envelope import Envelope
from relay.core.ids import ConnectionId
from relay.core.outcome import Outcome, Refused
from relay.core.readiness import Check, Readiness
from relay.core.tally import Tally
from relay.core.url import vet_url
from relay.core.webhook import Json, Webhook
from relay.deliver.post import Poster, PostOptions
from relay.deliver.sample import post_sample
from relay.deliver.worker import DeliverOptions
from relay.http.server import HttpServer
from relay.http.websocket import SocketOptions
from relay.report import Fact
from relay.store.apikeys import ApiKeys
from relay.store.audit import Audit
from relay.store.client import Client, StoreOptions
from relay.store.connection_states import ConnectionStates, Standing
from relay.store.connections import Connections
from relay.store.counts import Counts
from relay.store.directory import Directory
from relay.store.idempotency import Idempotency
from relay.store.notices import Notices
from relay.store.replays import Replays
from relay.store.sessions import Sessions
from relay.store.shards import Shards
from relay.store.vault import Vault
from relay.store.workers import Workers
from tests.store.filled import Filled

TOKEN = "the-admin-token-of-the-tests"
LOOPBACK = (ip_network("127.0.0.0/8"),)
URL = "https://example.com/slack/events"
QUICK = StreamOptions(heartbeat_s=1.0, look_s=0.4, socket=SocketOptions(message_bytes=4096, outbox_bytes=256 * 1024))
"""The live stream's times and sizes, so that a test need not wait."""

READY = Readiness(checks=(Check(name="redis", ok=True),))


@dataclass(frozen=True, slots=True)
class Said:
    """An answer."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Json]:
        value = json.loads(self.raw)
        assert isinstance(value, dict)
        return value

    @property
    def rows(self) -> list[dict[str, Json]]:
        """A list's page."""
        rows = self.body["data"]
        assert isinstance(rows, list)
        return [row for row in rows if isinstance(row, dict)]

    @property
    def wrong(self) -> dict[str, str]:
        """A problem's wrong fields, and what is said of each."""
        errors = self.body["errors"]
        assert isinstance(errors, list)
        return {str(each["field"]): str(each["message"]) for each in errors if isinstance(each, dict)}


def wanted(**settings: Json) -> dict[str, Json]:
    """A request for a webhook."""
    return {"url": URL, "events": ["message"], **settings}


@dataclass(slots=True)
class Desk:
    """The API, and the store behind it. `ready` is what /readyz is told; `ahead_s` sets the API's clock forward."""

    url: str
    store: Filled
    connections: Connections
    states: ConnectionStates
    notices: Notices
    replays: Replays
    facts: list[Fact] = field(default_factory=list)
    readiness: Readiness = READY
    ahead_s: float = 0.0
    tally: Tally = field(default_factory=Tally)

    def ask(
        self,
        method: str,
        path: str,
        body: "Json | bytes" = None,
        *,
        token: str | None = TOKEN,
        headers: dict[str, str] | None = None,
    ) -> Said:
        sent = {"Authorization": f"Bearer {token}"} if token is not None else {}
        if body is not None:
            sent["Content-Type"] = "application/json"
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=20)
        try:
            connection.request(method, path, raw, sent | (headers or {}))
            answer = connection.getresponse()
            return Said(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def worker_says(self, id: ConnectionId, state: ConnectionState) -> None:
        """How a connection stands, as a worker that is alive tells it."""
        workers = Workers(self.store.client)
        workers.beat()
        self.states.say(id, workers.me, Standing(view=state, hears=False, at=state.since))

    def made(self, **settings: Json) -> dict[str, Json]:
        """A new webhook, as the API showed it."""
        said = self.ask("POST", "/v1/webhooks", wanted(**settings))
        assert said.status == 201, said.raw
        return said.body


@contextmanager
def open_desk(redis_url: str, *, most_webhooks: int = MOST_WEBHOOKS) -> Iterator[Desk]:
    client = Client(StoreOptions(url=redis_url))
    vault = Vault(("a key",))
    store = Filled(client)
    poster = Poster(PostOptions(allowed=LOOPBACK))
    desk = Desk("", store, Connections(client, vault), ConnectionStates(client), Notices(client), Replays(client))
    post = partial(post_sample, poster=poster, options=DeliverOptions(agent="slack-webhook-relay/test"))
    rooms = replace(_rooms(desk, vault, post), most_webhooks=most_webhooks)
    hub = Hub(rooms.shards, tally=desk.tally, report=desk.facts.append)
    stream = Stream(rooms, hub, options=QUICK).blueprint()
    app = make_app(rooms, (exporter(rooms), stream, dashboard(rooms)))
    server = HttpServer(app, "127.0.0.1", 0)
    server.start()
    desk.url = server.url
    try:
        yield desk
    finally:
        server.stop(within_s=1.0)
        hub.stop()
        poster.close(0.0)
        client.close()
    assert desk.facts == []


def _rooms(desk: Desk, vault: Vault, post: Callable[[Webhook, Envelope], Outcome]) -> AdminOptions:
    client, store = desk.store.client, desk.store
    return AdminOptions(
        admin_token=TOKEN,
        webhooks=store.webhooks,
        directory=Directory(store.webhooks),
        replays=desk.replays,
        shards=Shards(client),
        connections=desk.connections,
        states=desk.states,
        notices=desk.notices,
        api_keys=ApiKeys(client),
        audit=Audit(client),
        idempotency=Idempotency(client, vault),
        sessions=Sessions(client),
        counts=Counts(client),
        ready=lambda: desk.readiness,
        vet=_vet,
        post=post,
        report=desk.facts.append,
        version="1.2.3",
        now=lambda: time() + desk.ahead_s,
    )


def _vet(url: str) -> Refused | None:
    vetted = vet_url(url, LOOPBACK)
    return vetted if isinstance(vetted, Refused) else None
