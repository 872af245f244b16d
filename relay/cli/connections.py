"""`relay connections`: the sockets to Slack."""

import click

from relay.cli import options
from relay.cli.remote import Asker, remote

COLUMNS = ("id", "name", "kind", "status", "since", "reconnects", "error", "explanation")


@click.group()
def connections() -> None:
    """The sockets to Slack: list, show, add, pause, resume, reconnect, remove."""


@connections.command("list", epilog="Example: relay connections list")
@options.limit
@remote
def list_(ask: Asker, /, limit: int) -> None:
    """All connections and how they are doing."""
    empty = "No connections yet. relay connections add makes one, and so does SLACK_BOT_TOKEN in relay's environment."
    ask.table("/v1/connections", COLUMNS, empty=empty, limit=limit)


@connections.command(epilog="Example: relay connections show con_default")
@click.argument("id")
@remote
def show(ask: Asker, /, id: str) -> None:
    """Everything about one connection but its token."""
    ask.record(ask.call("GET /v1/connections/{id}", id=id))


@connections.command(epilog="Example: relay connections add --kind socket_mode --name acme   (asks for the token)")
@click.option(
    "--kind", type=click.Choice(["rtm", "socket_mode"]), default="socket_mode", show_default=True,
    help="What Slack is to open: Socket Mode for apps, RTM for classic bots.",
)  # fmt: skip
@click.option("--name", default="", help="For people, and for --connections.")
@click.option(
    "--slack-token", metavar="TOKEN", envvar="SLACK_TOKEN", show_envvar=True, prompt=True, hide_input=True,
    help="xapp-… for socket_mode, xox… for rtm; asked for if it is not given.",
)  # fmt: skip
@click.option(
    "--bot-token", metavar="TOKEN", prompt=True, prompt_required=False, hide_input=True,
    help="xox… of the same app, for Socket Mode: messages and replies are posted with it. Asked for if empty.",
)  # fmt: skip
@remote
def add(ask: Asker, /, *, kind: str, name: str, slack_token: str, bot_token: str | None) -> None:
    """Connect to one more workspace."""
    voice = {"bot_token": bot_token} if bot_token else {}
    ask.record(ask.call("POST /v1/connections", {"kind": kind, "name": name, "token": slack_token, **voice}))


@connections.command(epilog="Example: relay connections pause con_default")
@click.argument("id")
@remote
def pause(ask: Asker, /, id: str) -> None:
    """Let go of Slack until it is resumed."""
    ask.done(f"Paused {id}.", ask.call("PATCH /v1/connections/{id}", {"paused": True}, id=id))


@connections.command(epilog="Example: relay connections resume con_default")
@click.argument("id")
@remote
def resume(ask: Asker, /, id: str) -> None:
    """Connect again."""
    ask.done(f"Resumed {id}.", ask.call("PATCH /v1/connections/{id}", {"paused": False}, id=id))


@connections.command(epilog="Example: relay connections reconnect con_default")
@click.argument("id")
@remote
def reconnect(ask: Asker, /, id: str) -> None:
    """Open a new socket, and then let go of the old one."""
    ask.done(f"{id} opens a new socket.", ask.call("POST /v1/connections/{id}/reconnect", id=id))


@connections.command(epilog="Example: relay connections remove con_default")
@click.argument("id")
@options.sure("Its events will no longer come. Remove it?")
@remote
def remove(ask: Asker, /, id: str) -> None:
    """Forget a connection and its token."""
    ask.done(f"Removed {id}.", ask.call("DELETE /v1/connections/{id}", id=id))
