"""`relay deliveries`: what became of an event for a webhook."""

from urllib.parse import urlencode

import click

from relay.cli.remote import Asker, remote
from relay.core.delivery import State
from relay.core.webhook import Json

COLUMNS = ("id", "status", "webhook", "event", "tries", "created_at", "reason")


@click.group()
def deliveries() -> None:
    """What became of events: list, show, retry, cancel."""


@deliveries.command("list", epilog="Example: relay deliveries list --webhook wh_w4ed5tarj8aqndh6 --status dead")
@click.option("--webhook")
@click.option("--event")
@click.option("--status", type=click.Choice([state.value for state in State]))
@click.option("--limit", default=50, show_default=True)
@remote
def list_(ask: Asker, /, limit: int, **asked: Json) -> None:
    """Deliveries, newest first."""
    query = urlencode({name: str(value) for name, value in asked.items() if value})
    path = "/v1/deliveries" + (f"?{query}" if query else "")
    ask.table(ask.pages(path, limit), COLUMNS, empty="No deliveries.")


@deliveries.command(epilog="Example: relay deliveries show dlv_1h8k2m4n6p70q")
@click.argument("id")
@remote
def show(ask: Asker, /, id: str) -> None:
    """One delivery and each of its attempts: when, how long, what the endpoint said."""
    ask.record(ask.call(f"GET /v1/deliveries/{id}"))


@deliveries.command(epilog="Example: relay deliveries retry dlv_1h8k2m4n6p70q")
@click.argument("id")
@remote
def retry(ask: Asker, /, id: str) -> None:
    """Send it again, now, with a fresh schedule."""
    ask.done(f"{id} goes out again.", ask.call(f"POST /v1/deliveries/{id}/retry"))


@deliveries.command(epilog="Example: relay deliveries cancel dlv_1h8k2m4n6p70q")
@click.argument("id")
@remote
def cancel(ask: Asker, /, id: str) -> None:
    """Never send it."""
    ask.done(f"Cancelled {id}.", ask.call(f"POST /v1/deliveries/{id}/cancel"))
