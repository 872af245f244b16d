"""`relay keys`: who else may ask."""

import click

from relay.cli.remote import Asker, remote

COLUMNS = ("id", "name", "scope", "webhooks", "created_at", "last_used_at")


@click.group()
def keys() -> None:
    """API keys: list, add, remove."""


@keys.command("list", epilog="Example: relay keys list")
@click.option("--limit", default=50, show_default=True)
@remote
def list_(ask: Asker, /, limit: int) -> None:
    """All keys, without what they are."""
    ask.table(ask.pages("/v1/keys", limit), COLUMNS, empty="No keys; only the bootstrap token opens this relay.")


@keys.command(epilog="Example: relay keys add ci --scope owner --webhook wh_w4ed5tarj8aqndh6")
@click.argument("name")
@click.option("--scope", type=click.Choice(["admin", "read", "owner"]), default="read", show_default=True)
@click.option("--webhook", "webhooks", multiple=True, help="For owner: whose; repeatable.")
@remote
def add(ask: Asker, /, *, name: str, scope: str, webhooks: tuple[str, ...]) -> None:
    """Make a key, and show it this once."""
    ask.record(
        ask.call("POST /v1/keys", {"name": name, "scope": scope} | ({"webhooks": list(webhooks)} if webhooks else {}))
    )


@keys.command(epilog="Example: relay keys remove key_w4ed5tarj8aqndh6")
@click.argument("id")
@remote
def remove(ask: Asker, /, id: str) -> None:
    """Let it open nothing any more."""
    ask.done(f"Removed {id}.", ask.call(f"DELETE /v1/keys/{id}"))
