"""A backlog that drains: events were held while their webhooks were disabled, then all of them are let go at once."""

from collections.abc import Iterator
from time import monotonic

from benchmarks.figures import Figure
from benchmarks.measures.throughput import MAX_IN_FLIGHT, WITHIN_S, Limit
from benchmarks.processes import wait_until
from benchmarks.scale import Scale
from benchmarks.stage import Scene, Stage

FAN_OUT = 10
DRAIN_WITHIN_S = 1800.0
BURST = 20_000
"""Events at once: below what the relay keeps in memory between a socket and Redis."""


def backlog(stage: Stage, scale: Scale) -> Iterator[Figure]:
    with stage.scene() as scene:
        webhooks = [
            scene.relay.register(f"{stage.nginx.plain}/hook/{number}", max_in_flight=MAX_IN_FLIGHT, enabled=False)
            for number in range(FAN_OUT)
        ]
        memory, rss = scene.books.memory_bytes(), scene.relay.rss_bytes
        events = scale.backlog // FAN_OUT
        _hold(stage, scene, events)
        held = scene.books.ledger().held
        yield Figure(
            name="memory in Redis, per outstanding delivery",
            value=(scene.books.memory_bytes() - memory) / held,
            unit="bytes",
            note=f"{held} of {events} events, the event's share in it",
        )
        yield Figure(
            name="memory in the relay, per outstanding delivery",
            value=max(0, scene.relay.rss_bytes - rss) / held,
            unit="bytes",
            note="a backlog lies in Redis; what grows is the cache of newest events, which has a bound",
        )
        limit = Limit(stage, scale, tls=False)
        before = scene.relay.cpu_s
        for webhook in webhooks:
            scene.relay.enable(webhook, drain=True)
        seconds = _drained(scene, held)
        rate = held / (scene.relay.cpu_s - before)
        note = f"{held} deliveries, {held / seconds:.0f} a second, at most {scene.relay.peak_bytes >> 20} MiB"
        yield limit.figure("a backlog drains", rate, note=note)


def _hold(stage: Stage, scene: Scene, events: int) -> None:
    """Let so many events come, as fast as they can be kept."""
    for start in range(0, events, BURST):
        stage.slack.send(min(BURST, events - start), ahead=BURST)
        scene.books.all_settled(min(events, start + BURST), WITHIN_S)  # what is held is not outstanding


def _drained(scene: Scene, held: int) -> float:
    began = monotonic()
    wait_until(
        lambda: scene.books.ledger().delivered >= held, DRAIN_WITHIN_S, f"{held} deliveries have drained", look_s=0.05
    )
    return monotonic() - began
