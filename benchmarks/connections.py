"""How soon a dead socket is noticed, what an announced end costs, what a thousand connections cost one process: the
figures of docs/connections.md, by `python -m benchmarks.connections`.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Self

import click

from benchmarks.processes import Child, free_ports, wait_until
from benchmarks.scene import ADMIN_TOKEN, LoadingSlack, Relay, ask, folder, python
from relay.core.webhook import Json
from relay.simulator.options import BOT_TOKEN
from relay.store.embedded import EmbeddedRedis

DEFAULT = "/v1/connections/con_default"
EVENTS = 200
"""Said while a socket is replaced, half of them before the end is announced and half after."""
SETTLE_S = 5.0
WITHIN_S = 180.0


class Simulated(Child):
    """`relay simulate`, with its remote control."""

    def __init__(self, place: Path) -> None:
        super().__init__(python("-m", "relay", "simulate", "--port", "0", "--rate", "0"), place)

    def __enter__(self) -> Self:
        super().__enter__()
        self.api_url = self.line().partition("=")[2]
        return self

    def control(self, what: str, order: dict[str, Json]) -> None:
        ask("POST", f"{self._control}/{what}", order)

    @property
    def sockets(self) -> int:
        return int(str(ask("GET", self._control)["rtm_connections"]))

    @property
    def _control(self) -> str:
        return self.api_url.removesuffix("/api/") + "/control"


@contextmanager
def serving(place: Path, slack: Simulated) -> Iterator[str]:
    """A relay of one connection; its address."""
    (port,) = free_ports(1)
    with ExitStack() as stack:
        redis = stack.enter_context(EmbeddedRedis(place / "redis"))
        env = {
            "REDIS_URL": redis.url,
            "SLACK_API_URL": slack.api_url,
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "RELAY_ADMIN_TOKEN": ADMIN_TOKEN,
            "HOST": "127.0.0.1",
            "PORT": str(port),
        }
        stack.enter_context(Child(python("-m", "relay", "serve"), place, env=env))
        wait_until(lambda: slack.sockets == 1, WITHIN_S, "the relay has connected")
        yield f"http://127.0.0.1:{port}"


def measure_silence(slack: Simulated, relay: str, times: int) -> None:
    """A socket that looks alive, on which nothing is read, answered or sent any more."""
    noticed: list[float] = []
    for _ in range(times):
        sleep(SETTLE_S)
        before = slack.sockets
        slack.control("mischief", {"kind": "silence", "sockets": "rtm"})
        began = monotonic()
        wait_until(lambda before=before: slack.sockets > before, WITHIN_S, "the dead socket is replaced")  # type: ignore[misc]  # mypy knows no default of a lambda
        noticed.append(monotonic() - began)
    told = ask("GET", relay + DEFAULT)
    shown = ", ".join(f"{seconds:.1f}" for seconds in sorted(noticed))
    click.echo(
        f"a dead socket, until its successor is up: {shown} s; offline, as the API tells: {told['offline_seconds']} s"
    )


def measure_goodbyes(slack: Simulated, relay: str, times: int) -> None:
    """Slack says that it will end the socket; events go on meanwhile."""
    before = ask("GET", relay + DEFAULT)
    events = int(str(ask("GET", relay + "/v1/stats")["events"]))
    for round_ in range(times):
        sleep(SETTLE_S)
        for number in range(EVENTS):
            if number == EVENTS // 2:
                slack.control("mischief", {"kind": "goodbye", "sockets": "rtm"})
            stamp = f"{round_ + 1}.{number:06}"
            slack.control("events", {"type": "message", "channel": "C1", "user": "U1", "text": "hi", "ts": stamp})
    sleep(SETTLE_S)
    after = ask("GET", relay + DEFAULT)
    came = int(str(ask("GET", relay + "/v1/stats")["events"])) - events
    renewed = int(str(after["reconnects"])) - int(str(before["reconnects"]))
    gap_s = float(str(after["offline_seconds"])) - float(str(before["offline_seconds"]))
    click.echo(f"goodbyes: {times}, sockets replaced {renewed}, gap {gap_s:g} s, events {came} of {times * EVENTS}")


def measure_many(place: Path, connections: int, idle_s: float) -> None:
    """One process, API and all."""
    with ExitStack() as stack:
        slack = stack.enter_context(LoadingSlack(place))
        redis = stack.enter_context(EmbeddedRedis(place / "many"))
        relay = stack.enter_context(Relay(place, redis=redis.url, slack=slack))
        sleep(SETTLE_S)
        alone, began = relay.rss_bytes, monotonic()
        for number in range(1, connections):
            wish: dict[str, Json] = {"kind": "rtm", "token": f"xoxb-{number}"}
            ask("POST", relay.url + "/v1/connections", wish)
        wait_until(lambda: slack.sockets >= connections, WITHIN_S, f"{connections} connections are up")
        up_s = monotonic() - began
        sleep(SETTLE_S)
        before = relay.cpu_s
        sleep(idle_s)
        share = 100 * (relay.cpu_s - before) / idle_s
        each = (relay.rss_bytes - alone) / (connections - 1) / 1024
        whole = relay.rss_bytes / 2**20
        click.echo(f"{connections} connections: {whole:.0f} MB in all, {each:.0f} KB each; up in {up_s:.0f} s")
        click.echo(f"{connections} connections, idle for {idle_s:g} s: {share:.1f} % of a core")


@click.command()
@click.option("--connections", default=1000, show_default=True)
@click.option("--idle", "idle_s", default=60.0, show_default=True, help="Seconds in which nothing happens.")
@click.option("--times", default=3, show_default=True, help="Silences, and goodbyes.")
def main(*, connections: int, idle_s: float, times: int) -> None:
    """Measure connections."""
    with folder() as place:
        with Simulated(place) as slack, serving(place, slack) as relay:
            measure_goodbyes(slack, relay, times)
            measure_silence(slack, relay, times)
        measure_many(place, connections, idle_s)


if __name__ == "__main__":
    main()
