"""`relay deliveries`: what became of an event for a webhook."""

import click

from relay.cli import options
from relay.cli.remote import Asker, remote
from relay.core.delivery import State
from relay.core.webhook import Json

COLUMNS = ("id", "status", "webhook", "event", "tries", "created_at", "reason")


@click.group()
def deliveries() -> None:
    """What became of events: list, show, retry, cancel."""


@deliveries.command("list", epilog="Example: relay deliveries list --webhook wh_w4ed5tarj8aqndh6 --status dead")
@click.option("--webhook", metavar="ID", help="To this webhook.")
@click.option("--event", metavar="ID", help="Of this event.")
@click.option("--status", type=click.Choice([state.value for state in State]), help="As they stand.")
@options.limit
@remote
def list_(ask: Asker, /, *, limit: int, **asked: Json) -> None:
    """Deliveries, newest first."""
    ask.table("/v1/deliveries", COLUMNS, empty="No deliveries.", limit=limit, **asked)


@deliveries.command(epilog="Example: relay deliveries show dlv_1h8k2m4n6p70q")
@click.argument("id")
@remote
def show(ask: Asker, /, id: str) -> None:
    """One delivery and each of its attempts: when, how long, what the endpoint said."""
    ask.record(ask.call("GET /v1/deliveries/{id}", id=id))


@deliveries.command(epilog="Example: relay deliveries retry dlv_1h8k2m4n6p70q")
@click.argument("id")
@remote
def retry(ask: Asker, /, id: str) -> None:
    """Send it again, now, with a fresh schedule."""
    ask.done(f"{id} goes out again.", ask.call("POST /v1/deliveries/{id}/retry", id=id))


@deliveries.command(epilog="Example: relay deliveries cancel dlv_1h8k2m4n6p70q")
@click.argument("id")
@remote
def cancel(ask: Asker, /, id: str) -> None:
    """Never send it."""
    ask.done(f"Cancelled {id}.", ask.call("POST /v1/deliveries/{id}/cancel", id=id))
