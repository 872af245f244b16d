"""`relay serve`, `relay web`, `relay worker`: what a deployment runs."""

import os
import secrets
from contextlib import ExitStack

import click

from relay.cli.crew import Crew
from relay.cli.running import (
    Signals,
    allow_many_files,
    plainly,
    settings_and_report,
    spare_the_collector,
    stopped_in_order,
)
from relay.service import Parts, Relay
from relay.settings import Settings, read_settings
from relay.store.embedded import EmbeddedRedis


@click.command(epilog="Example: SLACK_BOT_TOKEN=xoxb-… REDIS_URL=redis://localhost relay serve")
def serve() -> None:
    """API, dashboard, connections and deliveries in one process.

    The default for one dyno. Settings come from the environment: see docs/settings.md.
    """
    _run("serve", Parts.WEB | Parts.WORK)


@click.command(epilog="Example: REDIS_URL=redis://localhost RELAY_ADMIN_TOKEN=… relay web")
def web() -> None:
    """API, dashboard and live stream only; `relay worker` does the work.

    Settings come from the environment: see docs/settings.md.
    """
    _run("web", Parts.WEB)


@click.command(epilog="Example: REDIS_URL=redis://localhost SLACK_BOT_TOKEN=xoxb-… relay worker --processes 2")
@click.option(
    "--processes", type=click.IntRange(1, 64), help="So many under one parent.  [default: WEB_CONCURRENCY, or 1]"
)
def worker(processes: int | None) -> None:
    """Connections and deliveries only. Any number may run beside each other.

    Settings come from the environment: see docs/settings.md.
    """
    with plainly():
        processes = processes or read_settings(os.environ).processes
    if processes == 1:
        _run("worker", Parts.WORK)
    else:
        _run_crew(processes)


def _run(what: str, parts: Parts) -> None:
    with plainly():
        settings, report = settings_and_report()
        if Parts.WEB in parts:
            settings.check_bind()
        token = "" if settings.admin_token or Parts.WEB not in parts else secrets.token_urlsafe(24)
        allow_many_files()
        signals = Signals()
        relay = Relay(_with(settings, token), parts, report)
        running = relay.__enter__()
        if token:
            click.echo(f"RELAY_ADMIN_TOKEN is not set; for this run it is {token}", err=True)
        if running.address:
            click.echo(f"relay {what} listens on {running.address}", err=True)
        spare_the_collector()
        because = signals.wait() or ""
        stopped_in_order(what, lambda: relay.__exit__(None, None, None), report, because=because)


def _run_crew(processes: int) -> None:
    """A parent that works by its children."""
    with plainly(), ExitStack() as stack:
        settings, report = settings_and_report()
        signals = Signals()
        redis = settings.redis or stack.enter_context(EmbeddedRedis(settings.embedded_folder)).url
        crew = Crew(processes, redis, report)
        crew.start()
        because = signals.wait() or ""
        stopped_in_order("crew", lambda: crew.stop(settings.shutdown_s + 2.0), report, because=because)


def _with(settings: Settings, token: str) -> Settings:
    """Check_bind lets only a loopback bind come here without an admin token: it gets one for this run."""
    return settings.model_copy(update={"admin_token": token}) if token else settings
