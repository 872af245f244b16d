"""`relay connections`: the sockets to Slack."""

import click

from relay.cli.remote import Asker, remote

COLUMNS = ("id", "name", "kind", "status", "since", "reconnects", "error", "explanation")


@click.group()
def connections() -> None:
    """The sockets to Slack: list, show, add, pause, resume, reconnect, remove."""


@connections.command("list", epilog="Example: relay connections list")
@click.option("--limit", default=50, show_default=True)
@remote
def list_(ask: Asker, /, limit: int) -> None:
    """All connections and how they are doing."""
    empty = "No connections yet. relay connections add makes one, and so does SLACK_BOT_TOKEN in relay's environment."
    ask.table(ask.pages("/v1/connections", limit), COLUMNS, empty=empty)


@connections.command(epilog="Example: relay connections show con_default")
@click.argument("id")
@remote
def show(ask: Asker, /, id: str) -> None:
    """Everything about one connection but its token."""
    ask.record(ask.call(f"GET /v1/connections/{id}"))


@connections.command(epilog="Example: relay connections add --kind socket_mode --name acme   (asks for the token)")
@click.option("--kind", type=click.Choice(["rtm", "socket_mode"]), default="socket_mode", show_default=True)
@click.option("--name", default="")
@click.option("--slack-token", envvar="SLACK_TOKEN", prompt=True, hide_input=True, help="xox… for rtm, xapp-… else.")
@click.option("--bot-token", envvar="SLACK_BOT_TOKEN", help="Socket Mode: messages and replies are posted with it.")
@remote
def add(ask: Asker, /, *, kind: str, name: str, slack_token: str, bot_token: str | None) -> None:
    """Connect to one more workspace."""
    voice = {"bot_token": bot_token} if bot_token and kind == "socket_mode" else {}
    ask.record(ask.call("POST /v1/connections", {"kind": kind, "name": name, "token": slack_token, **voice}))


@connections.command(epilog="Example: relay connections pause con_default")
@click.argument("id")
@remote
def pause(ask: Asker, /, id: str) -> None:
    """Let go of Slack until it is resumed."""
    ask.done(f"Paused {id}.", ask.call(f"PATCH /v1/connections/{id}", {"paused": True}))


@connections.command(epilog="Example: relay connections resume con_default")
@click.argument("id")
@remote
def resume(ask: Asker, /, id: str) -> None:
    """Connect again."""
    ask.done(f"Resumed {id}.", ask.call(f"PATCH /v1/connections/{id}", {"paused": False}))


@connections.command(epilog="Example: relay connections reconnect con_default")
@click.argument("id")
@remote
def reconnect(ask: Asker, /, id: str) -> None:
    """Open a new socket, and then let go of the old one."""
    ask.done(f"{id} opens a new socket.", ask.call(f"POST /v1/connections/{id}/reconnect"))


@connections.command(epilog="Example: relay connections remove con_default")
@click.argument("id")
@click.confirmation_option("--yes", prompt="Its events will no longer come. Remove it?")
@remote
def remove(ask: Asker, /, id: str) -> None:
    """Forget a connection and its token."""
    ask.done(f"Removed {id}.", ask.call(f"DELETE /v1/connections/{id}"))
