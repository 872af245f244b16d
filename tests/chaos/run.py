"""One run: a relay's workers, their Redis and twenty endpoints, attacked at a steady rate, and all that happened
written down in a folder for the checker.
"""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import monotonic, time

import gevent
from gevent.subprocess import Popen

from relay.core import json_text
from relay.core.envelope import Envelope
from relay.core.ids import ConnectionId, EventId, WebhookId
from relay.core.ledger import Ledger
from relay.core.webhook import Format, Json, Order, SigningSecret, Status, Webhook
from relay.store.client import Client, StoreOptions
from relay.store.deliveries import Deliveries
from relay.store.errors import StoreAway
from relay.store.journal import Journal
from relay.store.vault import Vault
from relay.store.webhooks import Webhooks
from tests.chaos.cast import CAST, CHANNELS, Role
from tests.chaos.checker import Verdict, check, read
from tests.chaos.endpoints import SECRET
from tests.servers import RedisServer
from tests.store.audit import audit
from tests.waiting import let_pass, until

HERE = Path(__file__).parent
WORKERS = 2
TIMEOUT_S = 2.0
DRAINED = WebhookId("wh_drained")
GROUP = 5
"""Events that are appended at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    seconds: float  # of attack
    rate: float = 20.0  # events a second
    kill_every_s: float = 10.0  # a worker
    redis_every_s: float = 45.0
    settles_within_s: float = 180.0  # once it is quiet


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    verdict: Verdict
    ledger: Ledger
    audit: Sequence[str]  # what contradicts what in Redis

    @property
    def good(self) -> bool:
        return self.verdict.good and self.ledger.closes and not self.audit


class Attack:
    def __init__(self, plan: Plan, folder: Path, redis: RedisServer, client: Client) -> None:
        self._plan = plan
        self._folder = folder
        self._redis = redis
        self._client = client
        self._journal = Journal(client)
        self._webhooks = Webhooks(client, Vault(()))
        self._deliveries = Deliveries(client)
        self._workers: dict[int, Popen[bytes]] = {}
        self._number = 0

    def run(self) -> Outcome:
        with self._endpoints() as ports:
            self._register(ports)
            for which in range(WORKERS):
                self._start_worker(which)
            try:
                self._attack()
                until(self._is_quiet, self._plan.settles_within_s, saying="everything healthy was delivered")
            finally:
                for worker in self._workers.values():
                    worker.kill()
                    worker.wait()
        return Outcome(
            verdict=check(read(self._folder)),
            ledger=self._deliveries.ledger(),
            audit=audit(self._redis.client),
        )

    def _attack(self) -> None:
        ends_at = monotonic() + self._plan.seconds
        beats = [
            partial(self._again_and_again, self._append, GROUP / self._plan.rate, ends_at),
            partial(self._again_and_again, self._kill_a_worker, self._plan.kill_every_s, ends_at),
            partial(self._again_and_again, self._stop_redis, self._plan.redis_every_s, ends_at),
            partial(self._hold_and_drain, self._plan.seconds / 4),
        ]
        for greenlet in [gevent.spawn(beat) for beat in beats]:
            greenlet.get()

    def _again_and_again(self, act: Callable[[], None], every_s: float, ends_at: float) -> None:
        """`act` at a steady beat, however long it takes."""
        at = monotonic() + every_s
        while at < ends_at:
            let_pass(max(0.0, at - monotonic()))
            act()
            at += every_s * random.uniform(0.8, 1.2)

    def _append(self) -> None:
        names = [f"Ev{self._number + step:07}" for step in range(GROUP)]
        self._number += GROUP
        events = [(name, random.choice(CHANNELS)) for name in names]
        self._written(lambda: self._journal.append([_envelope(name, channel) for name, channel in events]))
        for name, channel in events:
            self._note("appended", {"event": name, "channel": channel, "at": time()})

    def _kill_a_worker(self) -> None:
        which = random.randrange(WORKERS)
        began = time()
        self._workers[which].kill()
        self._workers[which].wait()
        self._note("faults", {"what": "worker killed", "began": began, "ended": time()})
        self._start_worker(which)

    def _stop_redis(self) -> None:
        how = random.choice(("killed", "stopped", "paused"))
        began, lasts_s = time(), random.uniform(0.5, 4.0)
        if how == "paused":
            self._redis.pause()
            let_pass(lasts_s)
            self._redis.resume()
        else:
            self._redis.kill() if how == "killed" else self._redis.stop()
            let_pass(lasts_s)
            self._redis.start()
        self._note("faults", {"what": f"Redis {how}", "began": began, "ended": time()})

    def _hold_and_drain(self, after_s: float) -> None:
        let_pass(after_s)
        self._written(lambda: self._change(Status.DISABLED, drain=False))
        let_pass(after_s)
        self._written(lambda: self._change(Status.ENABLED, drain=True))

    def _change(self, status: Status, *, drain: bool) -> None:
        stands = self._webhooks.get(DRAINED)
        assert stands is not None
        if stands.status is not status:
            self._webhooks.change(replace(stands, status=status), drain=drain)

    def _written(self, write: Callable[[], object]) -> None:
        """As a caller does who was not answered: again, until Redis has it."""

        def done() -> bool:
            try:
                write()
            except StoreAway:
                return False
            return True

        until(done, 60)

    def _is_quiet(self) -> bool:
        """Nothing is under way any more to an endpoint that takes everything."""
        unsettled = [self._deliveries.ledger(_id(role)).outstanding for role in CAST if role.healthy]
        events = self._deliveries.ledger().events  # the relay's own are among them
        return events >= self._number and not any(unsettled)

    def _register(self, ports: dict[str, int]) -> None:
        for role in CAST:
            self._webhooks.add(_webhook(role, ports[role.name]))

    def _start_worker(self, which: int) -> None:
        env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        env |= {
            "REDIS_URL": self._redis.url,
            "RELAY_ADMIN_TOKEN": "chaos",
            "RELAY_ALLOWED_NETWORKS": "127.0.0.0/8",
            "RELAY_LOG_FORMAT": "json",
            "RELAY_LOG_LEVEL": "warning",
        }
        with (self._folder / f"worker{which}.log").open("ab") as log:
            self._workers[which] = Popen([sys.executable, "-m", "relay", "worker"], env=env, stdout=log, stderr=log)

    @contextmanager
    def _endpoints(self) -> Iterator[dict[str, int]]:
        cast = self._folder / "cast.json"
        cast.write_text(json.dumps([role.written() for role in CAST]))
        for name in ("appended", "faults", "history"):
            (self._folder / f"{name}.jsonl").touch()
        process = Popen(
            [sys.executable, str(HERE / "endpoints.py"), str(cast), str(self._folder / "history.jsonl")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
            process.stdin.close()

    def _note(self, what: str, row: dict[str, Json]) -> None:
        with (self._folder / f"{what}.jsonl").open("a") as notes:
            notes.write(json.dumps(row) + "\n")


def attacked(plan: Plan, folder: Path) -> Outcome:
    """What became of a relay under this attack; the evidence stays in `folder`."""
    with RedisServer(append_only=True) as redis:
        client = Client(StoreOptions(url=redis.url, timeout_s=2.0))
        try:
            return Attack(plan, folder, redis, client).run()
        finally:
            client.close()


def _id(role: Role) -> WebhookId:
    return WebhookId(f"wh_{role.name}")


def _webhook(role: Role, port: int) -> Webhook:
    settings = dict(role.settings)
    if "order" in settings:
        settings["order"] = Order(str(settings["order"]))
    if "format" in settings:
        settings["format"] = Format(str(settings["format"]))
    return Webhook(
        id=_id(role),
        url=f"http://127.0.0.1:{port}/",
        events=("message",),
        secrets=(SigningSecret(secret=SECRET),),
        timeout_s=TIMEOUT_S,
        **settings,  # type: ignore[arg-type]  # what the cast says
    )


def _envelope(name: str, channel: str) -> Envelope:
    event: dict[str, Json] = {"type": "message", "channel": channel, "user": "U1", "text": name, "ts": f"{time():.6f}"}
    body: dict[str, Json] = {"type": "event_callback", "event_id": name, "event_time": int(time()), "event": event}
    return Envelope(
        event_id=EventId(name),
        connection=ConnectionId("con_chaos"),
        kind="message",
        channel=channel,
        received_at=time(),
        body=json_text.write(body),
    )
