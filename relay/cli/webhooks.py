"""`relay webhooks`: where events go."""

import json
import time

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from relay.cli import options
from relay.cli.remote import Asker, remote
from relay.cli.showing import Row
from relay.core.webhook import Json

COLUMNS = ("id", "status", "url", "events", "description")
POLL_S = 0.5
LITERALS = frozenset({"true", "false", "null"})


@click.group(short_help="Where events go: list, show, add, update, remove, test, rotate and more.")
def webhooks() -> None:
    """Where events go: list, show, add, update, remove, test, verify, secret, rotate, enable, disable, replay."""


@webhooks.command("list", epilog="Example: relay webhooks list --json | jq '.data[].url'")
@options.limit
@remote
def list_(ask: Asker, /, limit: int) -> None:
    """All webhooks, newest first."""
    ask.table("/v1/webhooks", COLUMNS, empty="No webhooks yet. relay webhooks add URL makes one.", limit=limit)


@webhooks.command(epilog="Example: relay webhooks show wh_w4ed5tarj8aqndh6")
@click.argument("id")
@remote
def show(ask: Asker, /, id: str) -> None:
    """Everything about one webhook but its secret."""
    ask.record(ask.call("GET /v1/webhooks/{id}", id=id))


def _settings(command: click.decorators.FC) -> click.decorators.FC:
    """The options that `add` and `update` share."""
    for option in (
        click.option(
            "--set", "others", multiple=True, metavar="FIELD=VALUE",
            help="Any other field: --set timeout=5, --set order=channel, or JSON; repeatable.",
        ),
        click.option("--description", metavar="TEXT", help="For people."),
        click.option("--filter", "pattern", metavar="JSON", help='Such as \'{"event": {"channel_type": ["im"]}}\'.'),
        options.several("--connections", metavar="IDS", help="Only of these, by id or name; repeatable."),
        options.several("--channels", metavar="IDS", help="Only of these, such as C024BE91L; repeatable."),
        options.events,
    ):  # fmt: skip
        command = option(command)
    return command


@webhooks.command(epilog="Example: relay webhooks add https://example.com/slack/events -e message -e 'reaction_*'")
@click.argument("url")
@_settings
@remote
def add(ask: Asker, /, url: str, **given: Json) -> None:
    """Register a webhook, and show its secret."""
    asked: dict[str, Json] = {"url": url, "events": ["*"], **_fields(given)}
    made = ask.call("POST /v1/webhooks", asked)
    ask.record({name: made[name] for name in ("id", "url", "events", "secret")} if not ask.as_json else made)


@webhooks.command(epilog="Example: relay webhooks update wh_w4ed5tarj8aqndh6 --set max_in_flight=20")
@click.argument("id")
@click.option("--url", "new_url", metavar="URL", help="Where callbacks go from now on.")
@_settings
@remote
def update(ask: Asker, /, id: str, new_url: str | None, **given: Json) -> None:
    """Change what is given, leave the rest."""
    change = ({"url": new_url} if new_url else {}) | _fields(given)
    if not change:
        raise click.UsageError("nothing to change; see relay webhooks update --help")
    ask.record(ask.call("PATCH /v1/webhooks/{id}", change, id=id))


@webhooks.command(epilog="Example: relay webhooks remove wh_w4ed5tarj8aqndh6")
@click.argument("id")
@options.sure("What is still outstanding for it will be cancelled. Remove it?")
@remote
def remove(ask: Asker, /, id: str) -> None:
    """Remove a webhook."""
    ask.done(f"Removed {id}.", ask.call("DELETE /v1/webhooks/{id}", id=id))


@webhooks.command(epilog="Example: relay webhooks test wh_w4ed5tarj8aqndh6")
@click.argument("id")
@remote
def test(ask: Asker, /, id: str) -> None:
    """Send one signed sample event now, and show what the endpoint said."""
    ask.record(ask.call("POST /v1/webhooks/{id}/test", id=id))


@webhooks.command(epilog="Example: relay webhooks rotate wh_w4ed5tarj8aqndh6 --overlap 24h")
@click.argument("id")
@click.option("--overlap", default="24h", show_default=True, help="How long the old secret signs beside the new one.")
@remote
def rotate(ask: Asker, /, id: str, overlap: str) -> None:
    """Make a new secret."""
    ask.record(ask.call("POST /v1/webhooks/{id}/rotate-secret", {"overlap": overlap}, id=id))


@webhooks.command(epilog="Example: relay webhooks secret wh_w4ed5tarj8aqndh6")
@click.argument("id")
@remote
def secret(ask: Asker, /, id: str) -> None:
    """Show its secret, and old ones that still sign."""
    ask.record(ask.call("GET /v1/webhooks/{id}/secret", id=id))


@webhooks.command(epilog="Example: relay webhooks verify wh_w4ed5tarj8aqndh6")
@click.argument("id")
@remote
def verify(ask: Asker, /, id: str) -> None:
    """Send Slack's url_verification challenge, and see whether the endpoint answers it."""
    ask.done(f"{id} answers the challenge.", ask.call("POST /v1/webhooks/{id}/verify", id=id))


@webhooks.command(epilog="Example: relay webhooks enable wh_w4ed5tarj8aqndh6 --drain")
@click.argument("id")
@click.option("--drain", is_flag=True, help="Deliver what was held meanwhile.")
@remote
def enable(ask: Asker, /, id: str, drain: bool) -> None:  # noqa: FBT001  # click calls it by name
    """Let it have events again."""
    ask.done(f"Enabled {id}.", ask.call("POST /v1/webhooks/{id}/enable", {"drain": drain}, id=id))


@webhooks.command(epilog="Example: relay webhooks disable wh_w4ed5tarj8aqndh6")
@click.argument("id")
@remote
def disable(ask: Asker, /, id: str) -> None:
    """Hold its events from now on."""
    ask.done(f"Disabled {id}; its events are held.", ask.call("POST /v1/webhooks/{id}/disable", id=id))


@webhooks.command(
    epilog="Example: relay webhooks replay wh_w4ed5tarj8aqndh6 --since 2026-11-23T00:00:00Z --status dead"
)
@click.argument("id")
@click.option("--since", required=True, metavar="TIME", help=options.SINCE)
@click.option("--until", metavar="TIME", help=options.UNTIL)
@click.option(
    "--status", type=click.Choice(["dead", "missing", "all"]), default="dead", show_default=True,
    help="dead: what was given up; missing: what it never had.",
)  # fmt: skip
@click.option("--no-wait", is_flag=True, help="Begin it and return.")
@remote
def replay(ask: Asker, /, id: str, **given: Json) -> None:
    """Send what is dead, was missed, or all of a range again; shows the progress."""
    no_wait = given.pop("no_wait")
    begun = ask.call("POST /v1/replays", {"webhook": id} | {name: value for name, value in given.items() if value})
    ask.record(begun if no_wait else _ended(ask, begun))


def _ended(ask: Asker, replay: Row) -> Row:
    """The replay, once it is over; meanwhile a bar shows how much of the range has been looked at."""
    console = Console(stderr=True)
    columns = (TextColumn("replaying"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[sent]} sent again"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=1.0, sent=0)
        while replay["status"] == "running":
            time.sleep(POLL_S)
            replay = ask.call("GET /v1/replays/{id}", id=str(replay["id"]))
            progress.update(bar, completed=float(str(replay["share"])), sent=replay["replayed"])
    return replay


def _fields(given: dict[str, Json]) -> dict[str, Json]:
    """The request's fields from the options. Raises UsageError."""
    fields: dict[str, Json] = {}
    for name in ("events", "channels", "connections"):
        if given[name]:
            fields[name] = list(given[name])  # type: ignore[arg-type]  # click's `multiple` gives a tuple
    if given["description"] is not None:
        fields["description"] = given["description"]
    if given["pattern"] is not None:
        fields["filter"] = _json("--filter", str(given["pattern"]))
    for other in given["others"] or ():  # type: ignore[union-attr]  # the same
        name, _, value = str(other).partition("=")
        fields[name] = value if value.isidentifier() and value not in LITERALS else _json(f"--set {name}", value)
    return fields


def _json(option: str, text: str) -> Json:
    try:
        return json.loads(text)  # type: ignore[no-any-return]  # that is what it is
    except ValueError as error:
        raise click.UsageError(f"{option} takes JSON: {error}") from None
