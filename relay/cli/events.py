"""`relay events`: what Slack sent."""

import click

from relay.cli import options
from relay.cli.remote import Asker, remote
from relay.core.webhook import Json

COLUMNS = ("id", "received_at", "type", "channel", "connection")


@click.group()
def events() -> None:
    """What Slack sent: list, show, replay."""


@events.command("list", epilog="Example: relay events list --type message --limit 10")
@click.option("--type", metavar="SELECTOR", help="Such as message or channel_*.")
@click.option("--channel", metavar="ID", help="Of this channel.")
@click.option("--connection", metavar="ID", help="That this connection heard.")
@click.option("--since", metavar="TIME", help=options.SINCE)
@click.option("--until", metavar="TIME", help=options.UNTIL)
@options.limit
@remote
def list_(ask: Asker, /, *, limit: int, **asked: Json) -> None:
    """Events, newest first."""
    empty = "No events. relay connections list says whether Slack is heard."
    ask.table("/v1/events", COLUMNS, empty=empty, limit=limit, **asked)


@events.command(epilog="Example: relay events show Ev0123456789ABCDEF0123")
@click.argument("id")
@remote
def show(ask: Asker, /, id: str) -> None:
    """One event, its envelope, and where it went."""
    ask.record(ask.call("GET /v1/events/{id}", id=id))


@events.command(epilog="Example: relay events replay Ev0123456789ABCDEF0123")
@click.argument("id")
@remote
def replay(ask: Asker, /, id: str) -> None:
    """Send one event again to every webhook that wants it."""
    ask.done(f"{id} goes out again.", ask.call("POST /v1/events/{id}/replay", id=id))
