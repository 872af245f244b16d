"""What a second process adds: deliveries a second of one, two and four workers that may use a part of a core each.

Slowed down like that (benchmarks/slowed.py), the relay is what all wait for, and the machine's two cores are no limit.
Beside it stands what a delivery costs all workers together: work that is done twice shows there, whatever the clock.
And what it costs Redis, which is one thread for all of them: that is where adding processes ends, and shards begin.

An RTM connection has two holders, so that neither's end loses an event (docs/decisions/two-holders.md): the second
worker hears and reads every event too. With few deliveries to an event that is the most of what it could have gained;
a third worker and all others add theirs in full, as does every worker where there are more connections than workers.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import mkdtemp
from time import monotonic

from benchmarks.figures import Figure
from benchmarks.frames import channel
from benchmarks.limit import SECRET
from benchmarks.measures.throughput import AHEAD, WITHIN_S
from benchmarks.nginx import Nginx
from benchmarks.processes import Child, wait_until
from benchmarks.scale import Scale
from benchmarks.scene import BOT_TOKEN, READY_WITHIN_S, Books, books_of, environment, python
from benchmarks.slowed import can_slow, slowed
from benchmarks.stage import Stage
from relay.core.connection import Connection, Kind
from relay.core.ids import ID_BYTES, connection_id, webhook_id
from relay.core.shares import HOLDERS
from relay.core.webhook import SigningSecret, Status, Webhook
from relay.store.embedded import EmbeddedRedis

PART = 0.15
"""Of a core, for each worker."""
ENDPOINTS = 10
ENDPOINT_TAKES = 100
"""At a time; the most that the API allows. Together more than the workers have in flight, so that none waits for
another because an endpoint's owner wants it so.
"""
HANDED_OVER_WITHIN_S = 60.0
"""Who took it up before he knew of all the others gives it up after half a minute."""
WARM = 0.05
"""Of its events, first: open connections, load scripts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Workers beside each other, and the Redis that they share."""

    workers: Sequence[Child]
    books: Books


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Of so many workers."""

    per_s: float
    relay_us: float  # a delivery, of all of them
    redis_us: float
    commands: float
    parts: Sequence[float]  # of the work, worker by worker

    @property
    def note(self) -> str:
        shares = "/".join(f"{100 * part:.0f}" for part in sorted(self.parts))
        return (
            f"{self.relay_us:.0f} µs of the workers ({shares} %), {self.redis_us:.0f} of Redis in {self.commands:.1f} "
            f"commands: it ends at {1e6 / self.redis_us:.0f} a second"
        )


def processes(stage: Stage, scale: Scale) -> Iterator[Figure]:
    """Nothing where the machine lets nobody be slowed."""
    if not can_slow():
        return
    yield _machine(stage, scale.posts)
    loads: dict[str, Callable[[int], Pace]] = {
        "a backlog": lambda count: of_backlog(stage, scale.crew_deliveries, count),
        "fan-out 10": lambda count: of_events(stage, scale.crew_deliveries, 10, workers=count),
        "fan-out 1": lambda count: of_events(stage, scale.crew_deliveries, 1, workers=count),
    }
    for name in scale.crew_loads:
        yield from _figures(name, loads[name], scale.crews)


def _figures(name: str, run: Callable[[int], Pace], crews: Sequence[int]) -> Iterator[Figure]:
    alone = run(1)
    yield Figure(name=f"{name}, one worker", value=alone.per_s, unit="deliveries a second", note=alone.note)
    for count in crews:
        pace = run(count)
        by_cpu = count * alone.relay_us / pace.relay_us
        yield Figure(
            name=f"{name}, {count} workers", value=pace.per_s, unit="deliveries a second",
            ratio=pace.per_s / alone.per_s, against="one worker", note=f"{by_cpu:.2f} by CPU; {pace.note}",
        )  # fmt: skip


def _machine(stage: Stage, posts: int) -> Figure:
    """Two cores that share caches, or are one core's two threads, are not twice one: what the machine itself takes."""
    alone, (one, other) = _bare_us(stage, posts, 1)[0], _bare_us(stage, posts, 2)
    return Figure(
        name="two bare loops that share nothing", value=alone / one + alone / other, unit="times one, by CPU",
        note=f"{alone:.1f} µs a POST alone, {one:.1f} and {other:.1f} beside one another",
    )  # fmt: skip


def _bare_us(stage: Stage, posts: int, count: int) -> list[float]:
    """CPU of a POST in each of so many loops of benchmarks/limit.py at once."""
    words = python("-m", "benchmarks.limit", "gevent", stage.nginx.plain, str(posts))
    loops = [Popen(words, stdout=PIPE) for _ in range(count)]
    with slowed([loop.pid for loop in loops], PART):
        said = [json.loads(loop.communicate()[0]) for loop in loops]
    return [1e6 * one["cpu_s"] / one["posts"] for one in said]


def of_events(stage: Stage, deliveries: int, fan_out: int, *, workers: int) -> Pace:
    """Of events as they come, by RTM: each worker hears all of them."""
    events, warm = max(1, deliveries // fan_out), max(1, int(deliveries // fan_out * WARM))
    nginx = stage.nginx
    with _crew(stage, workers) as crew:
        for webhook in _webhooks(nginx, fan_out):
            crew.books.webhooks.add(webhook)
        with slowed([worker.pid for worker in crew.workers], PART):
            stage.slack.send(warm, ahead=AHEAD, fan_out=fan_out, counter=nginx.counter)
            crew.books.all_settled(warm, WITHIN_S)

            def work() -> None:
                stage.slack.send(events, ahead=AHEAD, fan_out=fan_out, counter=nginx.counter)
                crew.books.all_settled(warm + events, WITHIN_S)

            return _pace(crew, work, events * fan_out)


def of_backlog(stage: Stage, deliveries: int, workers: int) -> Pace:
    """Of what was held and is let go."""
    events = max(1, deliveries // ENDPOINTS)
    with _crew(stage, workers) as crew:
        books = crew.books
        disabled = [replace(one, status=Status.DISABLED) for one in _webhooks(stage.nginx, ENDPOINTS)]
        webhooks = [books.webhooks.add(one) for one in disabled]
        stage.slack.send(events, ahead=events)
        books.all_settled(events, WITHIN_S)  # what is held is not outstanding
        held = books.ledger().held
        with slowed([worker.pid for worker in crew.workers], PART):

            def work() -> None:
                for webhook in webhooks:
                    books.webhooks.change(replace(webhook, status=Status.ENABLED), drain=True)
                wait_until(lambda: books.ledger().delivered >= held, WITHIN_S, "it has drained", look_s=0.02)

            return _pace(crew, work, held)


def _pace(crew: Crew, work: Callable[[], None], deliveries: int) -> Pace:
    before, began = _spent(crew), monotonic()
    work()
    took_s, after = monotonic() - began, _spent(crew)
    redis_s, commands, *by_worker = (b - a for a, b in zip(before, after, strict=True))
    relay_s = max(sum(by_worker), 1e-6)
    return Pace(
        per_s=deliveries / took_s,
        relay_us=relay_s / deliveries * 1e6,
        redis_us=max(redis_s, 1e-6) / deliveries * 1e6,
        commands=commands / deliveries,
        parts=[spent_s / relay_s for spent_s in by_worker],
    )


def _spent(crew: Crew) -> list[float]:
    return [crew.books.cpu_s(), crew.books.commands(), *(worker.cpu_s for worker in crew.workers)]


def _webhooks(nginx: Nginx, fan_out: int) -> list[Webhook]:
    """Each event goes to all of them, or to one: then each wants one of the load's channels."""
    return [
        Webhook(
            id=webhook_id(number.to_bytes(ID_BYTES)),
            url=f"{nginx.plain}/hook/{number}",
            events=("message",),
            channels=() if fan_out == ENDPOINTS else (channel(number),),
            secrets=(SigningSecret(secret=SECRET),),
            max_in_flight=ENDPOINT_TAKES,
        )
        for number in range(ENDPOINTS)
    ]


@contextmanager
def _crew(stage: Stage, count: int) -> Iterator[Crew]:
    """So many workers with an empty Redis that forgets nothing, connected."""
    wait_until(lambda: stage.slack.sockets == 0, READY_WITHIN_S, "nobody else listens to the load")
    with ExitStack() as stack:
        redis = stack.enter_context(EmbeddedRedis(Path(mkdtemp(dir=stage.folder))))
        books = stack.enter_context(books_of(redis))
        words, env = python("-m", "relay", "worker"), environment(redis=redis.url, slack=stage.slack)
        env |= {"SLACK_BOT_TOKEN": ""}  # who comes first would hold the connection, and then give it up
        workers = [stack.enter_context(Child(words, stage.folder, env=env)) for _ in range(count)]
        wait_until(lambda: books.crew() == count, READY_WITHIN_S, "all workers are there")
        books.connections.add(Connection(id=connection_id(bytes(ID_BYTES)), kind=Kind.RTM, token=BOT_TOKEN))
        wait_until(lambda: stage.slack.sockets == min(count, HOLDERS), HANDED_OVER_WITHIN_S, "it has its holders")
        yield Crew(workers=workers, books=books)
