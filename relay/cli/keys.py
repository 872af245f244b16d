"""`relay keys`: who else may ask."""

import click

from relay.cli import options
from relay.cli.remote import Asker, remote
from relay.core.webhook import Json

COLUMNS = ("id", "name", "scope", "webhooks", "created_at", "last_used_at")


@click.group()
def keys() -> None:
    """API keys: list, add, remove."""


@keys.command("list", epilog="Example: relay keys list")
@options.limit
@remote
def list_(ask: Asker, /, limit: int) -> None:
    """All keys, without what they are."""
    empty = "No keys; only the admin token opens this relay. relay keys add NAME makes one."
    ask.table("/v1/keys", COLUMNS, empty=empty, limit=limit)


@keys.command(epilog="Example: relay keys add ci --scope owner --webhooks wh_w4ed5tarj8aqndh6")
@click.argument("name")
@click.option(
    "--scope", type=click.Choice(["admin", "read", "owner"]), default="read", show_default=True,
    help="admin: everything; read: looks at all but secrets; owner: its own webhooks.",
)  # fmt: skip
@options.several("--webhooks", metavar="IDS", help="For owner: whose; with commas, or repeatable.")
@remote
def add(ask: Asker, /, *, name: str, scope: str, webhooks: tuple[str, ...]) -> None:
    """Make a key, and show it this once."""
    asked: dict[str, Json] = {"name": name, "scope": scope} | ({"webhooks": list(webhooks)} if webhooks else {})
    ask.record(ask.call("POST /v1/keys", asked))


@keys.command(epilog="Example: relay keys remove key_w4ed5tarj8aqndh6")
@click.argument("id")
@remote
def remove(ask: Asker, /, id: str) -> None:
    """Let it open nothing any more."""
    ask.done(f"Removed {id}.", ask.call("DELETE /v1/keys/{id}", id=id))
