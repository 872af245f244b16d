"""What a measurement stands on: a Redis, a Slack, receivers, and a relay between them, each a process of its own."""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Self
from urllib.parse import urlsplit

from benchmarks.limit import SECRET
from benchmarks.processes import Child, free_ports, wait_until
from relay.core.ledger import Ledger
from relay.core.webhook import Json
from relay.store.client import GLOBAL, Client, StoreOptions
from relay.store.connections import Connections
from relay.store.deliveries import Deliveries
from relay.store.embedded import EmbeddedRedis
from relay.store.keys import Keys
from relay.store.vault import Vault
from relay.store.webhooks import Webhooks

ADMIN_TOKEN = "bench"  # noqa: S105  # of a relay that only this machine can reach
BOT_TOKEN = "xoxb-bench"  # noqa: S105  # of a Slack that takes any
READY_WITHIN_S = 20.0


def python(*words: str) -> list[str]:
    return [sys.executable, *words]


def ask(method: str, url: str, body: Json = None, *, within_s: float = 600.0) -> dict[str, Json]:
    """One call of one of our own servers. Ends the program at an answer that is no success."""
    place = urlsplit(url)
    connection = HTTPConnection(place.netloc, timeout=within_s)
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/json"}
    try:
        connection.request(method, place.path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    if answer.status >= 300:
        raise SystemExit(f"{method} {url}: {answer.status} {text.decode()}")
    said = json.loads(text or b"{}")
    return dict(said)


class LoadingSlack(Child):
    """benchmarks/slack.py."""

    def __init__(self, folder: Path) -> None:
        super().__init__(python("-m", "benchmarks.slack"), folder)
        self._sent = 0

    def __enter__(self) -> Self:
        super().__enter__()
        self.url = self.line()
        return self

    @property
    def sockets(self) -> int:
        return int(str(ask("GET", self.url + "/sockets")["open"]))

    def send(self, events: int, *, rate: float = 0.0, ahead: int = 0, fan_out: int = 1, counter: str = "") -> int:
        """Send so many events that were never sent before; see benchmarks/slack.py. Answers with its looks at nginx'
        counter.
        """
        first, self._sent = self._sent, self._sent + events
        wishes: dict[str, Json] = {"events": events, "first": first, "rate": rate}
        wishes |= {"ahead": ahead, "fan_out": fan_out, "counter": counter}
        return int(str(ask("POST", self.url + "/send", wishes)["looks"]))


class CheckingReceiver(Child):
    """benchmarks/receiver.py."""

    def __init__(self, folder: Path) -> None:
        super().__init__(python("-m", "benchmarks.receiver", SECRET), folder)

    def __enter__(self) -> Self:
        super().__enter__()
        self.url = self.line()
        return self

    def report(self) -> Mapping[str, Mapping[str, Json]]:
        """What came since the last report, path by path."""
        return ask("GET", self.url + "/report")  # type: ignore[return-value]  # its own shape


def environment(*, redis: str, slack: LoadingSlack) -> dict[str, str]:
    """Of a relay with one RTM connection."""
    return {
        "REDIS_URL": redis,
        "SLACK_API_URL": f"{slack.url}/api/",
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "RELAY_ADMIN_TOKEN": ADMIN_TOKEN,
        "RELAY_ALLOWED_NETWORKS": "127.0.0.0/8",
        "RELAY_LOG_FORMAT": "json",
    }


SERVE = python("-m", "relay", "serve")


class Relay(Child):
    """`relay serve`, or a `program` that is the same and more, with one RTM connection."""

    def __init__(
        self,
        folder: Path,
        *,
        redis: str,
        slack: LoadingSlack,
        ca_file: Path | None = None,
        program: Sequence[str] = SERVE,
    ) -> None:
        self._slack = slack
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        env = {**environment(redis=redis, slack=slack), "HOST": "127.0.0.1", "PORT": str(port)}
        if ca_file is not None:
            env["SSL_CERT_FILE"] = str(ca_file)
        super().__init__(program, folder, env=env)

    def __enter__(self) -> Self:
        wait_until(lambda: self._slack.sockets == 0, READY_WITHIN_S, "nobody else listens to the load")
        began = monotonic()
        super().__enter__()
        wait_until(self.is_ready, READY_WITHIN_S, f"the relay is ready; see {self.log}")
        wait_until(lambda: self._slack.sockets > 0, READY_WITHIN_S, "the relay has connected to Slack")
        self.ready_s = monotonic() - began
        return self

    def is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise SystemExit(f"the relay ended: {self.log.read_text()[-2000:]}")
        with suppress(OSError, SystemExit):
            return bool(ask("GET", self.url + "/readyz", within_s=2.0)["ready"])
        return False

    def register(self, url: str, **wishes: Json) -> str:
        """A webhook's id."""
        webhook: dict[str, Json] = {"url": url, "events": ["message"], "secret": SECRET, **wishes}
        return str(ask("POST", self.url + "/v1/webhooks", webhook)["id"])

    def enable(self, webhook: str, *, drain: bool) -> None:
        ask("POST", f"{self.url}/v1/webhooks/{webhook}/enable", {"drain": drain})


class Books:
    """What Redis knows, asked past the relay, so that asking costs it nothing."""

    def __init__(self, server: EmbeddedRedis) -> None:
        self._server = server
        self._client = Client(StoreOptions(url=server.url))
        self._deliveries = Deliveries(self._client)
        self.webhooks = Webhooks(self._client, Vault())
        self.connections = Connections(self._client, Vault())

    def ledger(self) -> Ledger:
        return self._deliveries.ledger()

    def all_settled(self, events: int, within_s: float) -> None:
        """Wait until so many events were fanned out and nothing is outstanding."""

        def settled() -> bool:
            ledger = self.ledger()
            return ledger.events >= events and not ledger.outstanding

        wait_until(settled, within_s, f"{events} events are delivered: {self.ledger()}", look_s=0.02)

    def commands(self) -> int:
        """How many commands Redis has carried out, scripts' own calls among them."""
        return int(self._client.redis.info("stats")["total_commands_processed"])

    def crew(self) -> int:
        """How many workers have said that they are there."""
        return int(self._client.redis.zcard(Keys(GLOBAL)("workers")))

    def sent(self, within_s: float) -> Mapping[str, int]:
        """The commands that clients send meanwhile; what scripts do inside is not among them."""
        sent: Counter[str] = Counter()
        with self._client.redis.monitor() as monitor:
            sleep(within_s)
            self._client.redis.echo("enough")
            for told in monitor.listen():
                name = told["command"].partition(" ")[0].lower()
                if name == "echo":
                    break
                if told["client_type"] != "lua":
                    sent[name] += 1
        return sent

    def memory_bytes(self) -> int:
        return int(self._client.redis.info("memory")["used_memory"])

    def cpu_s(self) -> float:
        cpu = self._client.redis.info("cpu")
        return float(cpu["used_cpu_sys"]) + float(cpu["used_cpu_user"])

    def close(self) -> None:
        self._client.close()


@contextmanager
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="relay-bench-") as place:
        yield Path(place)


@contextmanager
def books_of(server: EmbeddedRedis) -> Iterator[Books]:
    books = Books(server)
    try:
        yield books
    finally:
        books.close()


def script_words(kind: str, api_url: str, urls: Sequence[str]) -> list[str]:
    """The command line of a peer: `python` or `node`."""
    here = Path(__file__).parent / "peers"
    program = python("-m", "benchmarks.peers.script") if kind == "python" else ["node", str(here / "script.mjs")]
    return [*program, api_url, SECRET, *urls]


def modules() -> dict[str, str]:
    """Where Node's packages lie: tests/witness pins them."""
    return {"NODE_MODULES": os.fspath(Path(__file__).parents[1] / "tests/witness/node_modules")}
