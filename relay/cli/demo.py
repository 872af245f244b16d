"""`relay demo`: the whole thing on loopback, with no account and no server installed."""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import click
from gevent.event import Event
from rich.cells import set_cell_size
from rich.console import Console
from rich.text import Text

from relay.cli.client import Client
from relay.cli.log import Report
from relay.cli.receiver import Landed, VerifyingReceiver
from relay.cli.running import Signals, plainly
from relay.http.server import HttpServer
from relay.report import Level
from relay.service import Parts, Relay
from relay.settings import Settings, read_settings
from relay.simulator.options import BOT_TOKEN, SimulatorOptions
from relay.simulator.slack import SimulatedSlack

ADMIN_TOKEN = "demo"  # noqa: S105  # of a relay that only this machine can reach


TEXT_CELLS = 44


@dataclass(slots=True)
class Tally:
    """What has landed. `enough` is set when the wanted number was verified, or one was not."""

    wanted: int | None
    verified: int = 0
    refused: int = 0
    latencies_s: list[float] = field(default_factory=list)
    enough: Event = field(default_factory=Event)

    def add(self, landed: Landed) -> None:
        self.verified += landed.verified
        self.refused += not landed.verified
        self.latencies_s.append(landed.latency_s)
        if self.refused or (self.wanted is not None and self.verified >= self.wanted):
            self.enough.set()


@click.command(
    epilog="Example: relay demo --callbacks 20", short_help="All of it on this machine, with a simulated Slack."
)
@click.option("--callbacks", type=click.IntRange(1), help="Stop after so many verified callbacks.")
@click.option("--timeout", "timeout_s", default=60.0, show_default=True, help="For --callbacks, in seconds.")
@click.option("--port", default=8000, show_default=True, help="For the relay; 0 for a free one.")
@click.option("--rate", default=2.0, show_default=True, help="Events a second of the simulated workspace.")
def demo(*, callbacks: int | None, timeout_s: float, port: int, rate: float) -> None:
    """Everything on this machine: embedded Redis, a simulated Slack, a relay and a receiver that verifies."""
    console = Console(highlight=False)
    tally = Tally(callbacks)
    with plainly(), ExitStack() as stack:
        signals = Signals()
        receiver = VerifyingReceiver(lambda landed: _show(console, tally, landed))
        endpoint = HttpServer(receiver, "127.0.0.1", 0)
        endpoint.start()
        stack.callback(endpoint.stop, within_s=0.5)
        slack = SimulatedSlack(SimulatorOptions(rate=rate))
        slack.start()
        stack.callback(slack.stop)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="relay-"))
        settings = _settings(slack.api_url, port, Path(folder))
        running = stack.enter_context(Relay(settings, Parts.WEB | Parts.WORK, Report(level=Level.WARNING)))
        webhook = Client(running.address, ADMIN_TOKEN).call(
            "POST", "/v1/webhooks", {"url": endpoint.url, "events": ["*"]}
        )
        receiver.expect(str(webhook["secret"]))
        _explain(console, running.address, str(webhook["id"]))
        _wait(tally, signals, timeout_s if callbacks else None)
    _conclude(console, tally)


def _settings(api_url: str, port: int, folder: Path) -> Settings:
    return read_settings(
        {
            "PORT": str(port),
            "HOST": "127.0.0.1",
            "RELAY_DATA_DIR": str(folder),
            "SLACK_API_URL": api_url,
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "RELAY_ADMIN_TOKEN": ADMIN_TOKEN,
            "RELAY_ALLOWED_NETWORKS": "127.0.0.0/8",
            "RELAY_SHUTDOWN_TIMEOUT": "3s",
        }
    )


def _explain(console: Console, address: str, webhook: str) -> None:
    console.print(
        f"[bold]relay[/] listens on [cyan]{address}[/]: dashboard and API; admin token: [bold]{ADMIN_TOKEN}[/]"
    )
    console.print(f"Registered {webhook} over REST; what the simulated workspace does now lands here.", soft_wrap=True)
    console.print("Your own webhook, in another terminal:\n")
    console.print(
        f"  curl -H 'Authorization: Bearer {ADMIN_TOKEN}' -H 'Content-Type: application/json' \\\n"
        f"       {address}/v1/webhooks -d '"
        '{"url": "http://127.0.0.1:3000/slack/events", "events": ["message"]}\'\n',
        markup=False,
        soft_wrap=True,
    )


def _show(console: Console, tally: Tally, landed: Landed) -> None:
    if tally.enough.is_set():
        return
    tally.add(landed)
    mark = Text("signature ok", "green") if landed.verified else Text("SIGNATURE WRONG", "bold red")
    line = Text.assemble(
        (f"{tally.verified + tally.refused:>4}  ", "dim"),
        (f"{landed.kind:<26}", "bold"),
        f"{landed.channel:<11} {set_cell_size(landed.text, TEXT_CELLS)} ",
        (f"{landed.latency_s * 1000:6.1f} ms  ", "cyan"),
        mark,
    )
    console.print(line, soft_wrap=True)


def _wait(tally: Tally, signals: Signals, timeout_s: float | None) -> None:
    """Until there is enough, a signal, or the time is up."""
    deadline = None if timeout_s is None else monotonic() + timeout_s
    while not tally.enough.is_set() and not signals.wait(0.05):
        if deadline is not None and monotonic() > deadline:
            return


def _conclude(console: Console, tally: Tally) -> None:
    """Exit with 1 if a signature was wrong, or fewer callbacks came than were asked for."""
    middle = sorted(tally.latencies_s)[len(tally.latencies_s) // 2] if tally.latencies_s else 0.0
    console.print(
        f"\n{tally.verified} callbacks verified, {tally.refused} not; half of them within {middle * 1000:.1f} ms."
    )
    if tally.refused or (tally.wanted is not None and tally.verified < tally.wanted):
        raise click.exceptions.Exit(1)
