"""What a delivery costs: the limit, the relay at each fan-out, the scripts; one round of it, in the order of the table.

CPU seconds of the relay's process, all of them, from the frame read to the outcome settled. Redis' own are told
beside them: they are spent on another core, or on another machine.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import harmonic_mean
from time import monotonic

from benchmarks.figures import THE_LIMIT, THE_LIMIT_TLS, THE_NODE_SCRIPT, THE_PYTHON_SCRIPT, Figure
from benchmarks.measures.scripts import delivered_per_cpu_s
from benchmarks.scale import Scale
from benchmarks.scene import python
from benchmarks.stage import Scene, Stage

FAN_OUTS = (1, 10, 100)
MAX_IN_FLIGHT = 64
"""Of each webhook. Twice what the limit has: the relay's batches are the better the more is under way."""
AHEAD = 2000
"""Deliveries under way at a time, journal and queue included."""
WITHIN_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one delivery, or of one event where none is delivered."""

    relay_us: float
    redis_us: float
    commands: float
    seconds: float

    @property
    def per_cpu_s(self) -> float:
        return 1e6 / self.relay_us

    @property
    def note(self) -> str:
        return (
            f"{self.relay_us:.0f} µs of the relay, {self.redis_us:.0f} of Redis in {self.commands:.1f} commands; "
            f"{1 / self.seconds:.0f} a second"
        )


class Limit:
    """The limit, measured again after each figure that is compared with it: the machine has another pace every minute,
    and what is measured between two looks at it is compared with their mean.
    """

    def __init__(self, stage: Stage, scale: Scale, *, tls: bool) -> None:
        self._measure = partial(the_limit, stage, scale, tls=tls)
        self._name = THE_LIMIT_TLS if tls else THE_LIMIT
        self._rates = [self._measure()[0]]

    def figure(self, name: str, per_cpu_s: float, *, note: str) -> Figure:
        """`per_cpu_s` was measured since the last call."""
        self._rates.append(self._measure()[0])
        unit = "events a CPU-second" if "event" in name else "deliveries a CPU-second"
        ratio = per_cpu_s / harmonic_mean(self._rates[-2:])
        return Figure(name=name, value=per_cpu_s, unit=unit, ratio=ratio, against=self._name, note=note)

    def itself(self) -> Figure:
        seen = f"{min(self._rates):.0f} to {max(self._rates):.0f} in {len(self._rates)} looks"
        return Figure(name=self._name, value=harmonic_mean(self._rates), unit="POSTs a CPU-second", note=seen)


def one_round(stage: Stage, scale: Scale) -> Iterator[Figure]:
    limit = Limit(stage, scale, tls=False)
    plain = {}
    for fan_out in FAN_OUTS:
        cost = cost_of_deliveries(stage, scale.deliveries, fan_out, tls=False)
        plain[fan_out] = cost.per_cpu_s
        yield limit.figure(f"deliveries, fan-out {fan_out}", cost.per_cpu_s, note=cost.note)
    cost = cost_of_unmatched(stage, scale.unmatched)
    yield limit.figure("events that nobody wants", cost.per_cpu_s, note=cost.note)
    yield limit.itself()
    limit = Limit(stage, scale, tls=True)
    for fan_out in FAN_OUTS:
        cost = cost_of_deliveries(stage, scale.deliveries, fan_out, tls=True)
        yield limit.figure(f"deliveries over TLS, fan-out {fan_out}", cost.per_cpu_s, note=cost.note)
    yield limit.itself()
    for kind, script, ahead in (
        ("python", THE_PYTHON_SCRIPT, "ahead of the Python script"),
        ("node", THE_NODE_SCRIPT, "ahead of the Node script"),
    ):
        rate = delivered_per_cpu_s(kind, stage, scale.script_events)
        yield Figure(name=script, value=rate, unit="deliveries a CPU-second", note="fan-out 1, nothing is kept")
        yield Figure(name=ahead, value=plain[1] / rate, unit="times", note="durable, at fan-out 1")


def the_limit(stage: Stage, scale: Scale, *, tls: bool) -> tuple[float, str]:
    """POSTs a CPU-second of the faster loop, and which one that is."""
    where = [stage.nginx.tls if tls else stage.nginx.plain, str(scale.posts)]
    where += [str(stage.nginx.ca_file)] if tls else []
    rates = {}
    for kind in ("gevent", "curl"):
        words = python("-m", "benchmarks.limit", kind, *where)
        said = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
        if said["posts"] != scale.posts:
            raise SystemExit(f"the limit's {kind} loop had {said['posts']} of {scale.posts} POSTs answered")
        rates[kind] = said["posts"] / said["cpu_s"]
    gevent, curl = rates["gevent"], rates["curl"]
    return max(gevent, curl), f"gevent sockets {gevent:.0f}, libcurl {curl:.0f}"


def cost_of_deliveries(stage: Stage, deliveries: int, fan_out: int, *, tls: bool) -> Cost:
    """Of one of so many, each event going to `fan_out` webhooks."""
    nginx = stage.nginx
    with stage.scene() as scene:
        for number in range(fan_out):
            scene.relay.register(f"{nginx.tls if tls else nginx.plain}/hook/{number}", max_in_flight=MAX_IN_FLIGHT)
        events, warm = max(1, deliveries // fan_out), max(1, deliveries // fan_out // 20)
        stage.slack.send(warm, ahead=AHEAD, fan_out=fan_out, counter=nginx.counter)
        scene.books.all_settled(warm, WITHIN_S)
        before = _spent(scene)
        stage.slack.send(events, ahead=AHEAD, fan_out=fan_out, counter=nginx.counter)
        scene.books.all_settled(warm + events, WITHIN_S)
        after = _spent(scene)
        ledger = scene.books.ledger()
        if ledger.delivered != (warm + events) * fan_out:
            raise SystemExit(f"not all was delivered: {ledger}")
        return _cost(before, after, events * fan_out)


def cost_of_unmatched(stage: Stage, events: int) -> Cost:
    with stage.scene() as scene:
        scene.relay.register(f"{stage.nginx.plain}/hook", events=["reaction_added"])
        before = _spent(scene)
        stage.slack.send(events, ahead=events)
        scene.books.all_settled(events, WITHIN_S)
        return _cost(before, _spent(scene), events)


def _spent(scene: Scene) -> tuple[float, float, int, float]:
    return scene.relay.cpu_s, scene.books.cpu_s(), scene.books.commands(), monotonic()


def _cost(before: tuple[float, float, int, float], after: tuple[float, float, int, float], count: int) -> Cost:
    relay_s, redis_s, commands, seconds = (b - a for a, b in zip(before, after, strict=True))
    return Cost(
        relay_us=max(relay_s, 1e-6) / count * 1e6,
        redis_us=redis_s / count * 1e6,
        commands=commands / count,
        seconds=seconds / count,
    )
