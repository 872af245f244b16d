"""Several Redis servers that belong together, on ports of this machine: a master with Sentinels, a Cluster."""

import random
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.retry import Retry

from relay.store.reply import integer, pairs, rows, text
from tests.servers import launched, missing
from tests.waiting import until

HOST = "127.0.0.1"
SERVICE = "relay-master"
DOWN_MS = 700
"""After so long without a word a server counts as gone; production takes 5,000 or more."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody has, and below those that systems hand out: nobody is given them before they are used."""
    found: set[int] = set()
    while len(found) < count:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as one, suppress(OSError):
            one.bind((HOST, port))
            found.add(port)
    return list(found)


class Node:
    """One server process on a port: `with Node(port, ["--appendonly", "yes"]) as node: …`."""

    def __init__(self, port: int, settings: Sequence[str], *, config: str | None = None, tls: bool = False) -> None:
        self.port = port
        self._settings = list(settings)
        self._config = config
        self._folder = Path(tempfile.mkdtemp(prefix="relay-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.client = redis.Redis(
            host=HOST, port=port, retry=Retry(NoBackoff(), 0), socket_timeout=2, ssl=tls, ssl_cert_reqs="none",
            ssl_check_hostname=False,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        if self._process is not None:
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        self._process = started = launched(self._folder, self._words())
        until(lambda: self.answers() or started.poll() is not None, saying=f"the server on {self.port} answers")
        if started.poll() is not None:
            if "TLS support" in self.log():
                missing("Redis with TLS")
            raise AssertionError(f"the server on {self.port} has ended: {self.log()[-2000:]}")

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        """End by SIGKILL, as a machine does that loses its power."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)
        self._process = None

    def pause(self) -> None:
        """Stand still with all connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def log(self) -> str:
        return (self._folder / "log").read_text()

    def _words(self) -> list[str]:
        place = ["--port", str(self.port), "--bind", HOST, "--dir", str(self._folder), "--save", ""]
        if self._config is None:
            return [*place, *self._settings]
        file = self._folder / "sentinel.conf"
        if not file.exists():  # a Sentinel writes down what it learns
            file.write_text(self._config)
        return [str(file), *place[:6], *self._settings]


def speaking_tls(pem: Path) -> Node:
    """A server that is reached by TLS alone, and shows the certificate in that file."""
    (port,) = free_ports(1)
    settings = ["--tls-port", str(port), "--port", "0", "--tls-cert-file", str(pem), "--tls-key-file", str(pem)]
    return Node(port, [*settings, "--tls-auth-clients", "no"], tls=True)


class Constellation:
    """Nodes that start and end together."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            self.form()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def form(self) -> None:
        raise NotImplementedError

    def join(self, node: Node) -> Node:
        return self._stack.enter_context(node)


class Sentinels(Constellation):
    """A master with two replicas, and three Sentinels that watch them."""

    def form(self) -> None:
        ports = free_ports(6)
        durable = ["--appendonly", "yes", "--repl-diskless-sync-delay", "0"]
        self.servers = [self.join(Node(ports[0], durable))]
        follow = ["--replicaof", f"{HOST} {ports[0]}"]
        self.servers += [self.join(Node(port, [*durable, *follow])) for port in ports[1:3]]
        until(lambda: all(_follows(replica) for replica in self.servers[1:]), saying="the replicas follow")
        config = "\n".join(
            [
                f"sentinel monitor {SERVICE} {HOST} {ports[0]} 2",
                f"sentinel down-after-milliseconds {SERVICE} {DOWN_MS}",
                f"sentinel failover-timeout {SERVICE} 4000",
                f"sentinel parallel-syncs {SERVICE} 2\n",
            ]
        )
        self.sentinels = [self.join(Node(port, ["--sentinel"], config=config)) for port in ports[3:]]
        until(lambda: all(map(self._knows_all, self.sentinels)), 20, saying="the Sentinels know one another")

    @property
    def url(self) -> str:
        nodes = ",".join(f"{HOST}:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{nodes}/{SERVICE}"

    @property
    def master(self) -> Node:
        """Whom the first Sentinel that answers takes for it."""
        sentinel = next(sentinel for sentinel in self.sentinels if sentinel.answers())
        _, port = rows(sentinel.client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE))
        return next(server for server in self.servers if server.port == integer(port))

    def _knows_all(self, sentinel: Node) -> bool:
        seen = pairs(sentinel.client.execute_command("SENTINEL", "MASTER", SERVICE))
        return integer(seen[b"num-other-sentinels"]) == 2 and integer(seen[b"num-slaves"]) == 2


class Cluster(Constellation):
    """Three masters, each with a replica."""

    def form(self) -> None:
        ports = free_ports(12)
        settings = ["--cluster-enabled", "yes", "--cluster-node-timeout", str(DOWN_MS), "--appendonly", "yes"]
        quick = ["--repl-diskless-sync-delay", "0", "--cluster-replica-validity-factor", "0"]
        self.nodes = [
            self.join(Node(port, [*settings, *quick, "--cluster-port", str(bus)]))
            for port, bus in zip(ports[:6], ports[6:], strict=True)
        ]
        masters, replicas = self.nodes[:3], self.nodes[3:]
        for number, master in enumerate(masters):
            master.client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            first, last = number * 5462, min(16383, number * 5462 + 5461)
            master.client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        for node, bus in zip(self.nodes[1:], ports[7:], strict=True):
            masters[0].client.execute_command("CLUSTER", "MEET", HOST, node.port, bus)
        until(lambda: all(_peers(node) == 6 for node in self.nodes), 20, saying="all have met")
        for master, replica in zip(masters, replicas, strict=True):
            follows = partial(_replicates, replica, master.client.execute_command("CLUSTER", "MYID"))
            until(follows, saying="a replica has found its master")
        until(lambda: all(map(_is_well, self.nodes)), 20, saying="the cluster is well")
        until(lambda: all(_follows(replica) for replica in replicas), 20, saying="the replicas follow")

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"{HOST}:{node.port}" for node in self.nodes[:2])

    def node_of(self, key: str) -> Node:
        """The master that has the key's slot, as a node sees it that answers."""
        seen = next(node for node in self.nodes if node.answers())
        slot = key_slot(key.encode())
        ranges = [rows(row) for row in rows(seen.client.execute_command("CLUSTER", "SLOTS"))]
        port = next(rows(row[2])[1] for row in ranges if integer(row[0]) <= slot <= integer(row[1]))
        return next(node for node in self.nodes if node.port == port)


def _peers(node: Node) -> int:
    """Nodes that it knows, itself too, and shakes hands with no more."""
    lines = text(node.client.execute_command("CLUSTER", "NODES")).splitlines()
    return sum("handshake" not in line for line in lines)


def _follows(replica: Node) -> bool:
    return bool(replica.client.info("replication").get("master_link_status") == "up")


def _replicates(replica: Node, master: object) -> bool:
    try:
        replica.client.execute_command("CLUSTER", "REPLICATE", master)
    except redis.ResponseError:  # not heard of it yet
        return False
    return True


def _is_well(node: Node) -> bool:
    return "cluster_state:ok" in text(node.client.execute_command("CLUSTER", "INFO"))
