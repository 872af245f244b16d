"""`python -m benchmarks.growth`: from one dyno to ten thousand workspaces, on paper and in a simulation.

On paper: how many workers and masters of Redis so many workspaces ask for, by what an event, a delivery and a socket
were measured to cost. The simulation puts that to the test with what averages hide: most workspaces say little and a
few say very much, and where a connection lives and who holds it is up to hashes. It places them with the relay's own
functions (core/sharding.py, core/shares.py, store/cluster.py), lets events come at random for a part of the busiest
hour, and looks how long they wait for workers and for Redis. Then one worker is killed.

docs/growth.md shows the table, which `make docs` draws.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import ceil
from random import Random

import click

from benchmarks.figures import percentile
from relay.core.ids import ConnectionId
from relay.core.sharding import shard_of
from relay.core.shares import HOLDERS, holders
from relay.store.cluster import slot_of
from relay.store.keys import Keys
from relay.store.location import CLUSTER_SHARDS

HEAR_US, DELIVER_US = 38, 58
REDIS_EVENT_US, REDIS_COPY_US, REDIS_DELIVERY_US = 36, 9, 54
EVENT_BYTES, DELIVERY_BYTES, SOCKET_BYTES = 1300, 800, 60 << 10
"""What it costs, in µs of CPU and bytes, as `python -m benchmarks` shows it: messages of 600 bytes, delivered at the
first try. Of a socket, 24 KiB are the relay's and 36 OpenSSL's.
"""

EVENTS_A_DAY, LOUD = 2000, 20_000
FAN_OUT = 2
BUSY = 4.0
"""The busiest hour, in average ones."""
SPREAD = 1.2
"""Sigma of a lognormal: the loudest hundredth of the workspaces says a tenth of everything."""

FULL = 0.5
"""How full a worker and a master may be in that hour: the rest is for the day on which one of them is away."""
WORKER_BYTES, MASTER_BYTES = 300 << 20, 12 << 30
"""For sockets, of a dyno with 512 MB; for data, of a Redis with 16 GB."""
OPENING_AT_ONCE, OPENING_S = 32, 1.0
"""Sockets that a worker opens at a time (slack/supervisor.py), and what one takes with Slack."""
EVENTS = 2000
SLOTS = 16384

Row = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What so many workspaces ask for, each with a connection of its own."""

    workspaces: int
    retention_days: float
    events_per_s: float  # in the busiest hour
    kept_bytes: float
    workers: int
    masters: int
    shards: int

    @classmethod
    def of(
        cls, workspaces: int, retention_days: float, *, a_day: int = EVENTS_A_DAY, shards: int = CLUSTER_SHARDS
    ) -> "Plan":
        heard = min(workspaces, HOLDERS)  # one dyno holds each connection once
        events_per_s = workspaces * a_day * BUSY / 86400
        kept_bytes = workspaces * a_day * retention_days * (EVENT_BYTES + FAN_OUT * DELIVERY_BYTES)
        busy = events_per_s * (heard * HEAR_US + FAN_OUT * DELIVER_US) / 1e6
        asked = events_per_s * (REDIS_EVENT_US + (heard - 1) * REDIS_COPY_US + FAN_OUT * REDIS_DELIVERY_US) / 1e6
        masters = max(ceil(asked / FULL), ceil(kept_bytes / MASTER_BYTES))
        sockets_bytes = workspaces * heard * SOCKET_BYTES
        return cls(
            workspaces=workspaces,
            retention_days=retention_days,
            events_per_s=events_per_s,
            kept_bytes=kept_bytes,
            workers=max(ceil(busy / FULL), ceil(sockets_bytes / WORKER_BYTES), heard),
            masters=masters,
            shards=shards if masters > 1 else 1,
        )


PLANS = (
    Plan.of(1, 3),
    Plan.of(10, 3),
    Plan.of(100, 3),
    Plan.of(1000, 1),
    Plan.of(10_000, 0.5),
    Plan.of(10_000, 0.125, a_day=LOUD),
    Plan.of(10_000, 0.125, a_day=LOUD, shards=64),
)


class World:
    """The plan's workspaces, placed as the relay places them."""

    def __init__(self, plan: Plan, dice: Random) -> None:
        self.plan = plan
        self.connections = [ConnectionId(f"con_{dice.getrandbits(80):020x}") for _ in range(plan.workspaces)]
        self.crew = [f"{dice.getrandbits(48):012x}" for _ in range(plan.workers)]
        self.master_of = {id: _master(shard_of(id, plan.shards), plan.masters) for id in self.connections}
        self._loudness = [dice.lognormvariate(0, SPREAD) for _ in self.connections]
        self._dice = dice

    def held_by(self, crew: Sequence[str]) -> dict[ConnectionId, tuple[str, ...]]:
        return {id: holders(id, crew) for id in self.connections}

    @property
    def fullest_bytes(self) -> float:
        """Of the master that has most to keep."""
        parts = [0.0] * self.plan.masters
        for id, loudness in zip(self.connections, self._loudness, strict=True):
            parts[self.master_of[id]] += loudness
        return self.plan.kept_bytes * max(parts) / sum(parts)

    def events(self, count: int) -> Iterator[tuple[float, ConnectionId]]:
        """When, and whose; in order."""
        now = 0.0
        for connection in self._dice.choices(self.connections, self._loudness, k=count):
            now += self._dice.expovariate(self.plan.events_per_s)
            yield now, connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Of a part of the busiest hour."""

    waits_ms: Sequence[float]  # from the frame to the POST, without the network, sorted
    busiest_worker: float  # part of its time
    busiest_master: float


Then = Callable[[], None]


class Busy:
    """Workers and masters: each does one thing after the other, in the order in which it is asked."""

    def __init__(self, crew: Sequence[str], masters: int) -> None:
        self.now = 0.0
        self.free_at: dict[str | int, float] = dict.fromkeys([*crew, *range(masters)], 0.0)
        self.busy_us: Counter[str | int] = Counter()
        self._crew = crew
        self._to_come: list[tuple[float, int, Then]] = []
        self._asked = 0

    @property
    def idlest(self) -> str:
        return min(self._crew, key=self.free_at.__getitem__)

    def at(self, when: float, then: Then) -> None:
        self._asked += 1
        heappush(self._to_come, (when, self._asked, then))

    def ask(self, who: str | int, cost_us: int, then: Then) -> None:
        self.free_at[who] = max(self.free_at[who], self.now) + cost_us / 1e6
        self.busy_us[who] += cost_us
        self.at(self.free_at[who], then)

    def run(self) -> None:
        while self._to_come:
            self.now, _, then = heappop(self._to_come)
            then()


class Event:
    """One event's way: its holders hear it, its master keeps it, and the worker that is free first delivers it."""

    def __init__(self, master: int, held_by: Sequence[str], busy: Busy) -> None:
        self._master = master
        self._held_by = held_by
        self._busy = busy
        self._is_kept = False
        self._happened_at = 0.0
        self.waits_ms: list[float] = []

    def happen(self) -> None:
        self._happened_at = self._busy.now
        for worker in self._held_by:
            self._busy.ask(worker, HEAR_US, self._keep)

    def _keep(self) -> None:
        is_copy, self._is_kept = self._is_kept, True
        if is_copy:
            self._busy.ask(self._master, REDIS_COPY_US, _nothing)
        else:
            self._busy.ask(self._master, REDIS_EVENT_US + FAN_OUT * REDIS_DELIVERY_US, self._deliver)

    def _deliver(self) -> None:
        for _ in range(FAN_OUT):
            self._busy.ask(self._busy.idlest, DELIVER_US, self._delivered)

    def _delivered(self) -> None:
        self.waits_ms.append((self._busy.now - self._happened_at) * 1e3)


def _nothing() -> None:
    """A copy's way ends here."""


def simulate(world: World, crew: Sequence[str], events: int) -> Seen:
    held_by, busy = world.held_by(crew), Busy(crew, world.plan.masters)
    all_events = []
    for now, connection in world.events(events):
        event = Event(world.master_of[connection], held_by[connection], busy)
        all_events.append(event)
        busy.at(now, event.happen)
    busy.run()
    return Seen(
        waits_ms=sorted(wait_ms for event in all_events for wait_ms in event.waits_ms),
        busiest_worker=max(busy.busy_us[worker] for worker in crew) / 1e6 / busy.now,
        busiest_master=max(busy.busy_us[master] for master in range(world.plan.masters)) / 1e6 / busy.now,
    )


def _master(shard: int, masters: int) -> int:
    """A cluster gives each master an even part of the slots; which slot a shard has is up to its tag."""
    return (slot_of([Keys(shard)("journal")]) or 0) * masters // SLOTS


def row(plan: Plan, events: int) -> Row:
    """Of the table; the same each time."""
    world = World(plan, Random(plan.workspaces))
    before, seen = world.held_by(world.crew), simulate(world, world.crew, events)
    sockets = Counter(worker for by in before.values() for worker in by)
    told = {
        "workspaces": f"{plan.workspaces:,}",
        "events a second": f"{plan.events_per_s:,.2g}" if plan.events_per_s < 10 else f"{plan.events_per_s:,.0f}",
        "kept for": f"{plan.retention_days * 24:.0f} h",
        "in Redis": _size(plan.kept_bytes),
        "of it the fullest master": _size(world.fullest_bytes),
        "masters, shards": f"{plan.masters}, {plan.shards}",
        "workers": str(plan.workers),
        "sockets of one": f"{max(sockets.values()):,}",
        "worker": f"{100 * seen.busiest_worker:.1f} %",
        "master": f"{100 * seen.busiest_master:.1f} %",
        "p50": f"{percentile(seen.waits_ms, 0.5):.2f} ms",
        "p99": f"{percentile(seen.waits_ms, 0.99):.2f} ms",
    }
    if plan.workers == 1:
        return told | {"one killed: reopened": "all", "within": "its restart", "worker, then": "–"}
    left = world.crew[1:]
    after = world.held_by(left)
    opened = Counter(worker for id in world.connections for worker in set(after[id]) - set(before[id]))
    most = max(opened.values(), default=0)
    return told | {
        "one killed: reopened": f"{opened.total():,}",
        "within": f"{ceil(most / OPENING_AT_ONCE) * OPENING_S:.0f} s",
        "worker, then": f"{100 * simulate(world, left, events).busiest_worker:.1f} %",
    }


def _size(size_bytes: float) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"


def table(plans: Sequence[Plan] = PLANS, events: int = EVENTS) -> str:
    """In Markdown."""
    rows = [row(plan, events) for plan in plans]
    head = [f"| {' | '.join(rows[0])} |", f"|{'---|' * len(rows[0])}"]
    return "\n".join([*head, *(f"| {' | '.join(one.values())} |" for one in rows)])


@click.command()
@click.option("--events", type=click.IntRange(1), default=EVENTS, show_default=True, help="Of the busiest hour.")
def main(events: int) -> None:
    """The table of docs/growth.md."""
    click.echo(table(events=events))


if __name__ == "__main__":
    main()
