"""Where a delivery's microseconds go, in their place: the CPU time of a relay at work, put on accounts.

To count costs a few microseconds a delivery, which are in it. For what each step costs alone, see steps.py.
"""

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.measures.throughput import AHEAD, MAX_IN_FLIGHT, WITHIN_S
from benchmarks.processes import wait_until
from benchmarks.scale import Scale
from benchmarks.scene import python
from benchmarks.stage import Stage


def accounts(stage: Stage, scale: Scale) -> Iterator[Figure]:
    """At fan-out 1."""
    file = stage.folder / "accounts.json"
    with stage.scene(program=python("-m", "benchmarks.accounts", os.fspath(file))) as scene:
        scene.relay.register(f"{stage.nginx.plain}/hook", max_in_flight=MAX_IN_FLIGHT)
        sent, seen = 0, list[Counter[str]]()
        for events in (max(1, scale.deliveries // 20), scale.deliveries):
            stage.slack.send(events, ahead=AHEAD, counter=stage.nginx.counter)
            sent += events
            scene.books.all_settled(sent, WITHIN_S)
            seen.append(_read(scene.relay.pid, file))
    spent = seen[1] - seen[0]
    whole = spent.total()
    for name, spent_us in spent.most_common():
        cost = spent_us / scale.deliveries
        yield Figure(name=f"in its place: {name}", value=cost, unit="µs", note=f"{100 * spent_us / whole:.0f} % of all")


def _read(pid: int, file: Path) -> Counter[str]:
    """What was spent so far."""
    file.unlink(missing_ok=True)
    os.kill(pid, signal.SIGUSR1)
    wait_until(file.exists, WITHIN_S, "the relay has written its accounts")
    return Counter(json.loads(file.read_text()))
