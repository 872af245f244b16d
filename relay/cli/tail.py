"""`relay tail`: what happens, as it happens, in the terminal."""

from collections.abc import Sequence

import click
from rich.console import Console
from rich.text import Text

from relay.cli import options
from relay.cli.remote import Asker, remote
from relay.cli.showing import COLOURS, visible
from relay.cli.stream import Frame

TEXT_CHARS = 80


@click.command(epilog="Example: relay tail --events message,reaction_added")
@options.events
@click.option("--webhook", metavar="ID", default="", help="Only what this webhook wants and gets.")
@remote
def tail(ask: Asker, /, events: Sequence[str], webhook: str) -> None:
    """Live events and delivery outcomes, one line each."""
    query = {name: value for name, value in (("events", ",".join(events)), ("webhook", webhook)) if value}
    console = Console(highlight=False)
    for frame in ask.stream(query).frames():
        if ask.as_json:
            click.echo(frame.text)
        else:
            console.print(_line(frame), soft_wrap=True)


def _line(frame: Frame) -> Text:
    if frame.kind == "event":
        head, event = frame.part("event"), frame.part("envelope").get("event")
        text = str(event.get("text") or "") if isinstance(event, dict) else ""
        return Text.assemble(
            ("event     ", "bold cyan"),
            f"{head.get('id')}  {head.get('type'):<26} {head.get('channel') or '':<11} ",
            visible(text[:TEXT_CHARS].replace("\n", " ")),
        )
    outcome = frame.part("outcome")
    verdict = str(outcome.get("verdict") or outcome.get("status") or "")
    facts = "  ".join(
        f"{name}={value}" for name, value in outcome.items() if name != "verdict" and value not in {None, ""}
    )
    return Text.assemble((f"{verdict:<10}", COLOURS.get(verdict, "yellow")), visible(facts))
