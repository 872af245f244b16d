"""`relay events`: what Slack sent."""

from urllib.parse import urlencode

import click

from relay.cli.remote import Asker, remote
from relay.core.webhook import Json

COLUMNS = ("id", "received_at", "type", "channel", "connection")


@click.group()
def events() -> None:
    """What Slack sent: list, show, replay."""


@events.command("list", epilog="Example: relay events list --type message --limit 10")
@click.option("--type", help="A selector, such as message or channel_*.")
@click.option("--channel")
@click.option("--connection")
@click.option("--since", help="RFC 3339, such as 2026-11-23T00:00:00Z")
@click.option("--until")
@click.option("--limit", default=50, show_default=True)
@remote
def list_(ask: Asker, /, limit: int, **asked: Json) -> None:
    """Events, newest first."""
    query = urlencode({name: str(value) for name, value in asked.items() if value})
    path = "/v1/events" + (f"?{query}" if query else "")
    ask.table(ask.pages(path, limit), COLUMNS, empty="No events. relay connections list says whether Slack is heard.")


@events.command(epilog="Example: relay events show Ev0123456789ABCDEF0123")
@click.argument("id")
@remote
def show(ask: Asker, /, id: str) -> None:
    """One event, its envelope, and where it went."""
    ask.record(ask.call(f"GET /v1/events/{id}"))


@events.command(epilog="Example: relay events replay Ev0123456789ABCDEF0123")
@click.argument("id")
@remote
def replay(ask: Asker, /, id: str) -> None:
    """Send one event again to every webhook that wants it."""
    ask.done(f"{id} goes out again.", ask.call(f"POST /v1/events/{id}/replay"))
