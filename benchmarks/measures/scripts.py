"""What the scripts cost that a user would write instead, and what they lose."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, sleep

from benchmarks.figures import Figure
from benchmarks.processes import Child, wait_until
from benchmarks.scale import Scale
from benchmarks.scene import modules, script_words
from benchmarks.stage import Stage

AHEAD = 200
"""What a script may have under way: it has no queue that it could fill safely."""
GIVEN_UP_S = 3.0
"""What has not come for so long after the last one is lost."""
KINDS = {"python": "the Python script", "node": "the Node script"}


@contextmanager
def script(kind: str, stage: Stage, urls: Sequence[str]) -> Iterator[Child]:
    """`python` or `node`, connected."""
    wait_until(lambda: stage.slack.sockets == 0, 10.0, "nobody else listens to the load")
    with Child(script_words(kind, stage.slack.url, urls), stage.folder, env=modules()) as child:
        while child.line() != "up":
            pass
        yield child


def delivered_per_cpu_s(kind: str, stage: Stage, events: int) -> float:
    with script(kind, stage, [f"{stage.nginx.plain}/hook"]) as child:
        _send(stage, max(1, events // 20))
        before = child.cpu_s
        came = _send(stage, events)
        return came / max(child.cpu_s - before, 1e-6)


def lost_in_a_burst(stage: Stage, scale: Scale) -> Iterator[Figure]:
    for kind, name in KINDS.items():
        with script(kind, stage, [f"{stage.nginx.plain}/hook"]):
            came = _send(stage, scale.burst, ahead=scale.burst)
        lost = 100 * (1 - came / scale.burst)
        yield Figure(name=f"{name}, lost of a burst", value=lost, unit="%", note=f"{scale.burst} events at once")


def _send(stage: Stage, events: int, *, ahead: int = AHEAD) -> int:
    """How many came to nginx."""
    before = stage.nginx.requests()
    counter = stage.nginx.counter if ahead < events else ""
    looks = stage.slack.send(events, ahead=ahead, counter=counter)
    came, last_at = 0, monotonic()
    while came < events and monotonic() - last_at < GIVEN_UP_S:
        sleep(0.05)
        now = stage.nginx.requests() - before - looks
        if now > came:
            came, last_at = now, monotonic()
    return came
