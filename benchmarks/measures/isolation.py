"""Ten endpoints that are well, alone and beside four that do harm: from the frame sent to the callback received.

One relay for all of it. Rounds with the four and without them take turns, so that what else happens on the machine
happens to both; what counts is the middle of the rounds. Before each the four are enabled, or disabled, by the API, and
what the change itself costs is no part of the figure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Self, cast

from benchmarks.figures import Figure, percentile
from benchmarks.processes import Child, free_ports, wait_until
from benchmarks.scale import Scale
from benchmarks.scene import ask, python
from benchmarks.stage import Scene, Stage

WELL = 10
MANNERS = ("silent", "drips", "floods")
ROUNDS = 3
RATE = 20.0
"""Events a second; each goes to every endpoint."""
WARM_S = 1.0
WITHIN_S = 60.0
ALONE, BESIDE = "alone", "beside four that do harm"
PARTS = {"p50": 0.5, "p99": 0.99}


class Misbehaving(Child):
    """benchmarks/misbehaving.py, and a port on which nobody listens."""

    def __init__(self, folder: Path) -> None:
        super().__init__(python("-m", "benchmarks.misbehaving"), folder)

    def __enter__(self) -> Self:
        super().__enter__()
        self.url = self.line()
        (self._nobody,) = free_ports(1)
        return self

    @property
    def endpoints(self) -> Sequence[str]:
        return [*(f"{self.url}/{manner}" for manner in MANNERS), f"http://127.0.0.1:{self._nobody}/refuses"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    latencies_ms: Sequence[float]  # sorted
    rss_bytes: int  # of the relay, at its end

    def at(self, part: float) -> float:
        return percentile(self.latencies_ms, part)


def isolation(stage: Stage, scale: Scale) -> Iterator[Figure]:
    rounds: dict[str, list[Round]] = {ALONE: [], BESIDE: []}
    with stage.scene() as scene, Misbehaving(stage.folder) as misbehaving:
        for number in range(WELL):
            scene.relay.register(f"{stage.receiver.url}/well/{number}")
        harmful = [scene.relay.register(url, max_in_flight=100, enabled=False) for url in misbehaving.endpoints]
        _run(stage, scene, WARM_S)
        for _ in range(ROUNDS):
            for name, path in ((ALONE, "disable"), (BESIDE, "enable")):
                for webhook in harmful:
                    ask("POST", f"{scene.relay.url}/v1/webhooks/{webhook}/{path}", {} if path == "enable" else None)
                _run(stage, scene, WARM_S)
                rounds[name].append(_run(stage, scene, scale.latency_s / ROUNDS))
    yield from _figures(rounds, scale)


def _run(stage: Stage, scene: Scene, lasts_s: float) -> Round:
    """What came to the endpoints that are well."""
    events = int(RATE * lasts_s)
    stage.slack.send(events, rate=RATE)
    latencies_ms: list[float] = []

    def all_came() -> bool:
        for row in stage.receiver.report().values():
            latencies_ms.extend(cast("list[float]", row["latencies_ms"]))
        return len(latencies_ms) >= events * WELL

    wait_until(all_came, WITHIN_S, f"{events} callbacks have come to each that is well", look_s=0.1)
    return Round(latencies_ms=sorted(latencies_ms), rss_bytes=scene.relay.rss_bytes)


def _figures(rounds: dict[str, list[Round]], scale: Scale) -> Iterator[Figure]:
    each = f"{WELL} endpoints, {RATE:.0f} events a second, {ROUNDS} rounds of {scale.latency_s / ROUNDS:.0f} s"
    for words, part in PARTS.items():
        alone, beside = (median(one.at(part) for one in rounds[name]) for name in (ALONE, BESIDE))
        yield Figure(name=f"latency {words}, {ALONE}", value=alone, unit="ms", note=each)
        yield Figure(name=f"latency {words}, {BESIDE}", value=beside, unit="ms", ratio=beside / alone, against=ALONE)
    sizes = [one.rss_bytes / 2**20 for one in rounds[BESIDE]]
    grown = f"{sizes[-1] - sizes[0]:+.1f} MiB since the first round: the newest events are remembered, up to a bound"
    yield Figure(name=f"memory of the relay, {BESIDE}", value=sizes[-1], unit="MiB", note=grown)
