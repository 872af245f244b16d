"""What watchers of the live stream cost deliveries: CPU and latency with and without them, in turns.

Where the dashboard has a process of its own, `relay web` beside `relay worker`, the worker's cost is what counts: it
writes outcomes down for who watches. In `relay serve` one process does both, and tells all those sockets what happens.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import mkdtemp

from benchmarks.figures import Figure
from benchmarks.limit import SECRET
from benchmarks.measures.latency import Came
from benchmarks.processes import Child, free_ports, wait_until
from benchmarks.scale import Scale
from benchmarks.scene import ADMIN_TOKEN, READY_WITHIN_S, Books, ask, books_of, environment, python
from benchmarks.stage import Stage
from relay.core.webhook import Json
from relay.store.embedded import EmbeddedRedis

WITHIN_S = 60.0
ARRANGEMENTS = {"worker beside web": ("web", "worker"), "serve": ("serve",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Processes of a relay; the first has the API, the last delivers."""

    url: str
    processes: Sequence[Child]
    books: Books

    @property
    def delivering(self) -> Child:
        return self.processes[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One stretch of a steady load."""

    cpu_us: float  # of who delivers, for each delivery
    p50_ms: float
    p99_ms: float
    told_bytes: int = 0  # to all watchers together
    left_out: int = 0  # watchers' words that something was left out


def watchers(stage: Stage, scale: Scale) -> Iterator[Figure]:
    for name, commands in ARRANGEMENTS.items():
        yield from _figures(name, *_legs(stage, scale, commands), count=scale.watchers)


def _figures(name: str, alone: Sequence[Leg], watched: Sequence[Leg], *, count: int) -> Iterator[Figure]:
    told_mb = sum(leg.told_bytes for leg in watched) / 1e6
    left_out = sum(leg.left_out for leg in watched)
    note = f"{count} were told {told_mb:.0f} MB in {len(watched)} turns; left out {left_out} times"
    without = f"{name}, nobody watches"
    for what, unit in (("cpu_us", "µs of CPU a delivery"), ("p50_ms", "ms p50"), ("p99_ms", "ms p99")):
        before, after = (median(getattr(leg, what) for leg in legs) for legs in (alone, watched))
        yield Figure(name=f"{without}, {unit}", value=before, unit=unit.split(" ")[0])
        yield Figure(
            name=f"{name}, {count} watch, {unit}",
            value=after,
            unit=unit.split(" ")[0],
            ratio=after / max(before, 1e-6),
            against=without,
            note=note,
        )


def _legs(stage: Stage, scale: Scale, commands: Sequence[str]) -> tuple[list[Leg], list[Leg]]:
    alone, watched = [], []
    with _house(stage, commands) as house:
        _leg(stage, scale, house, seconds=min(2.0, scale.latency_s))  # warms up
        for _ in range(scale.rounds):
            alone.append(_leg(stage, scale, house, seconds=scale.latency_s / 3))
            words = python("-m", "benchmarks.onlookers", house.url, str(scale.watchers), ADMIN_TOKEN)
            with Child(words, stage.folder) as crowd:
                crowd.line()
                watched.append(_leg(stage, scale, house, seconds=scale.latency_s / 3, crowd=crowd))
    return alone, watched


def _leg(stage: Stage, scale: Scale, house: House, *, seconds: float, crowd: Child | None = None) -> Leg:
    events = int(scale.rate * seconds)
    Came.of(stage)
    before = house.delivering.cpu_s
    stage.slack.send(events, rate=scale.rate)
    came = Came.of(stage)

    def all_came() -> bool:
        nonlocal came
        came += Came.of(stage)
        return came.events >= events

    wait_until(all_came, WITHIN_S, f"{events} callbacks have come", look_s=0.1)
    cpu_us = (house.delivering.cpu_s - before) / events * 1e6
    told, left_out = _told(crowd) if crowd else (0, 0)
    return Leg(cpu_us=cpu_us, p50_ms=came.at(0.5), p99_ms=came.at(0.99), told_bytes=told, left_out=left_out)


def _told(crowd: Child) -> tuple[int, int]:
    stdin = crowd.process.stdin
    if stdin is None:
        raise SystemExit("a child without pipes")  # we start none
    stdin.write(b"\n")
    stdin.flush()
    came, left_out = crowd.line().split(" ")
    return int(came), int(left_out)


@contextmanager
def _house(stage: Stage, commands: Sequence[str]) -> Iterator[House]:
    wait_until(lambda: stage.slack.sockets == 0, READY_WITHIN_S, "nobody else listens to the load")
    with ExitStack() as stack:
        redis = stack.enter_context(EmbeddedRedis(Path(mkdtemp(dir=stage.folder))))
        books = stack.enter_context(books_of(redis))
        (port,) = free_ports(1)
        env = {**environment(redis=redis.url, slack=stage.slack), "HOST": "127.0.0.1", "PORT": str(port)}
        processes = [
            stack.enter_context(Child(python("-m", "relay", command), stage.folder, env=env)) for command in commands
        ]
        processes[0].listens_on(port)
        wait_until(lambda: stage.slack.sockets > 0, READY_WITHIN_S, "the relay has connected to Slack")
        house = House(url=f"http://127.0.0.1:{port}", processes=processes, books=books)
        webhook: dict[str, Json] = {"url": f"{stage.receiver.url}/well/0", "events": ["message"], "secret": SECRET}
        ask("POST", house.url + "/v1/webhooks", webhook)
        yield house
