"""From the frame sent to the callback received: alone, beside slow and dead endpoints, across a restart of Redis.

The load keeps a steady rate; a receiver that verifies both signatures notes the time of each callback. One clock,
CLOCK_MONOTONIC, serves both ends. Nothing may be lost, or the run does not end; each tells what came twice.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from threading import Thread
from time import sleep
from typing import Self, cast

from benchmarks.figures import THE_NODE_SCRIPT, THE_PYTHON_SCRIPT, Figure, percentile
from benchmarks.frames import CHANNELS, channel
from benchmarks.measures.scripts import script
from benchmarks.processes import wait_until
from benchmarks.scale import Scale
from benchmarks.stage import Scene, Stage
from relay.core.webhook import Json

WITHIN_S = 60.0
Endpoint = str
ALL_WELL: tuple[Endpoint, ...] = ("well/0",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came to the endpoints that are well."""

    events: int
    doubled: int
    refused: int
    latencies_ms: Sequence[float]  # sorted

    @classmethod
    def of(cls, stage: Stage) -> Self:
        told = [row for path, row in stage.receiver.report().items() if path.startswith("/well/")]
        return cls(
            events=sum(int(str(row["events"])) for row in told),
            doubled=sum(int(str(row["numbers_doubled"])) for row in told),
            refused=sum(int(str(row["refused"])) for row in told),
            latencies_ms=sorted(chain.from_iterable(cast("list[float]", row["latencies_ms"]) for row in told)),
        )

    def __add__(self, other: "Came") -> "Came":
        return Came(
            events=self.events + other.events,
            doubled=self.doubled + other.doubled,
            refused=self.refused + other.refused,
            latencies_ms=sorted([*self.latencies_ms, *other.latencies_ms]),
        )

    def at(self, part: float) -> float:
        return percentile(self.latencies_ms, part) if self.latencies_ms else float("nan")


def latencies(stage: Stage, scale: Scale) -> Iterator[Figure]:
    scripts = {"python": THE_PYTHON_SCRIPT, "node": THE_NODE_SCRIPT}
    direct = {name: _of_script(kind, stage, scale) for kind, name in scripts.items()}
    for name, came in direct.items():
        for words, part in PARTS.items():
            yield Figure(name=f"latency {words}, {name}", value=came.at(part), unit="ms", note=_truth(came, scale))
    relay = of_relay(stage, scale)
    for words, part in PARTS.items():
        first, second = (came.at(part) for came in direct.values())
        note = f"{relay.at(part) / second:.1f} times {THE_NODE_SCRIPT}'s; {_truth(relay, scale)}"
        yield Figure(
            name=f"latency {words}", value=relay.at(part), unit="ms", ratio=relay.at(part) / first,
            against=THE_PYTHON_SCRIPT, note=note,
        )  # fmt: skip
    yield from _figures("10 % slow endpoints", of_relay(stage, scale, endpoints=_one_of("slow")), scale)
    yield from _figures("one dead endpoint", of_relay(stage, scale, endpoints=_one_of("dead")), scale)
    yield from _figures("a restart of Redis", of_relay(stage, scale, meanwhile=restart), scale)


PARTS = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


def of_relay(
    stage: Stage,
    scale: Scale,
    *,
    endpoints: Sequence[Endpoint] = ALL_WELL,
    meanwhile: Callable[[Scene], None] = lambda _: None,
) -> Came:
    """`endpoints` share the channels among them; `meanwhile` is done in the middle of the run."""
    with stage.scene() as scene:
        for number, endpoint in enumerate(endpoints):
            channels: list[Json] = [channel(number)] if len(endpoints) > 1 else []
            scene.relay.register(f"{stage.receiver.url}/{endpoint}", channels=channels)
        _warm(stage, endpoints)
        return _run(stage, scale, endpoints, meanwhile=lambda: meanwhile(scene))


def restart(scene: Scene) -> None:
    scene.redis.stop()
    scene.redis.start()


def _of_script(kind: str, stage: Stage, scale: Scale) -> Came:
    with script(kind, stage, [f"{stage.receiver.url}/{ALL_WELL[0]}"]):
        _warm(stage, ALL_WELL)
        return _run(stage, scale, ALL_WELL)


def _warm(stage: Stage, endpoints: Sequence[Endpoint]) -> None:
    """Open connections, load scripts: that is no part of the figure."""
    events = 5 * CHANNELS
    stage.slack.send(events, rate=100.0)
    _all_of(stage, events, endpoints)


def _run(stage: Stage, scale: Scale, endpoints: Sequence[Endpoint], *, meanwhile: Callable[[], object] = bool) -> Came:
    """The figure's own events; `meanwhile` is done when half of them are sent."""
    events = int(scale.rate * scale.latency_s) // CHANNELS * CHANNELS
    sending = Thread(target=stage.slack.send, args=(events,), kwargs={"rate": scale.rate})
    sending.start()
    sleep(scale.latency_s / 2)
    meanwhile()
    sending.join()
    return _all_of(stage, events, endpoints)


def _all_of(stage: Stage, events: int, endpoints: Sequence[Endpoint]) -> Came:
    """What came, once all that can come of so many events has come."""
    well = sum(endpoint.startswith("well/") for endpoint in endpoints)
    came = Came.of(stage)

    def all_came() -> bool:
        nonlocal came
        came += Came.of(stage)
        return came.events >= events * well // len(endpoints)

    wait_until(all_came, WITHIN_S, f"{events} callbacks have come", look_s=0.1)
    return came


def _one_of(behaviour: str) -> list[Endpoint]:
    return [f"{behaviour}/0", *(f"well/{number}" for number in range(1, CHANNELS))]


def _figures(name: str, came: Came, scale: Scale) -> Iterator[Figure]:
    for words, part in PARTS.items():
        yield Figure(name=f"latency {words}, {name}", value=came.at(part), unit="ms", note=_truth(came, scale))


def _truth(came: Came, scale: Scale) -> str:
    return f"{came.events} at {scale.rate:.0f} a second, {came.doubled} twice, {came.refused} badly signed"
