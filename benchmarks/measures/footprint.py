"""What the relay costs when nothing happens, what a connection costs, and how soon it is there."""

from collections.abc import Iterator
from time import sleep

from benchmarks.figures import Figure
from benchmarks.processes import wait_until
from benchmarks.scale import Scale
from benchmarks.scene import READY_WITHIN_S, ask
from benchmarks.stage import Scene, Stage
from relay.core.webhook import Json

SETTLE_S = 3.0
"""After the start, until nothing of it goes on."""
CONNECTED_WITHIN_S = 120.0


def footprint(stage: Stage, scale: Scale) -> Iterator[Figure]:
    with stage.scene() as scene:
        note = "from the process' start to /readyz and a socket to Slack"
        yield Figure(name="start to ready", value=scene.relay.ready_s, unit="s", note=note)
        scene.relay.register(f"{stage.nginx.plain}/hook")
        sleep(min(SETTLE_S, scale.idle_s))
        yield from _idle(scene, scale)
    with stage.scene() as scene:
        yield _per_connection(stage, scene, scale)


def _idle(scene: Scene, scale: Scale) -> Iterator[Figure]:
    cpu_s = scene.relay.cpu_s
    sent = scene.books.sent(scale.idle_s)
    spent_s = scene.relay.cpu_s - cpu_s
    by_name = ", ".join(f"{name} {count / scale.idle_s:.2f}" for name, count in sorted(sent.items()))
    yield Figure(
        name="Redis commands a second, idle", value=sum(sent.values()) / scale.idle_s, unit="a second", note=by_name
    )
    yield Figure(name="CPU, idle", value=100 * spent_s / scale.idle_s, unit="% of a core", note="one connection")
    yield Figure(name="memory, idle", value=scene.relay.rss_bytes / 2**20, unit="MiB", note="one connection")


def _per_connection(stage: Stage, scene: Scene, scale: Scale) -> Figure:
    sleep(min(SETTLE_S, scale.idle_s))
    before = scene.relay.rss_bytes
    for number in range(scale.connections):
        wishes: dict[str, Json] = {"kind": "rtm", "token": f"xoxb-{number}", "name": f"bench-{number}"}
        ask("POST", scene.relay.url + "/v1/connections", wishes)
    wanted = scale.connections + 1
    wait_until(lambda: stage.slack.sockets >= wanted, CONNECTED_WITHIN_S, f"{wanted} connections are up")
    wait_until(scene.relay.is_ready, READY_WITHIN_S, "the relay is ready again")
    sleep(min(SETTLE_S, scale.idle_s))
    grown = scene.relay.rss_bytes - before
    return Figure(
        name="memory per connection", value=grown / scale.connections / 1024, unit="KiB", note=f"{wanted} connections"
    )
