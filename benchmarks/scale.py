"""How much is measured: enough to believe it, or just enough to see that it works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    rounds: int  # of which the middle counts
    posts: int  # of the limit
    deliveries: int  # of one throughput measurement
    unmatched: int  # events that nobody wants
    script_events: int  # for the scripts
    burst: int  # events at once, for the scripts
    backlog: int  # deliveries
    crew_deliveries: int  # of each number of workers
    crews: tuple[int, ...]  # workers, beside one
    crew_loads: tuple[str, ...]
    latency_s: float
    rate: float  # events a second, for latencies
    connections: int
    watchers: int  # of the live stream
    idle_s: float
    matchers: tuple[int, ...]  # webhooks
    steps: int  # how often each is timed


FULL = Scale(
    rounds=3,
    posts=40_000,
    deliveries=30_000,
    unmatched=30_000,
    script_events=4_000,
    burst=8_000,
    backlog=100_000,
    crew_deliveries=20_000,
    crews=(2, 4),
    crew_loads=("a backlog", "fan-out 10", "fan-out 1"),
    latency_s=30.0,
    rate=200.0,
    connections=100,
    watchers=500,
    idle_s=20.0,
    matchers=(100, 10_000, 100_000),
    steps=20_000,
)
SHORT = Scale(
    rounds=1,
    posts=300,
    deliveries=200,
    unmatched=200,
    script_events=100,
    burst=100,
    backlog=200,
    crew_deliveries=200,
    crews=(2,),
    crew_loads=("a backlog",),
    latency_s=1.0,
    rate=50.0,
    connections=3,
    watchers=5,
    idle_s=1.0,
    matchers=(10, 100),
    steps=20,
)
