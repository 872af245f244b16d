"""What every command that asks a running relay has in common: where it is, who asks, and how the answer is shown."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Concatenate, ParamSpec

import click
from rich.console import Console
from rich.table import Table

from relay.cli.client import Client
from relay.cli.running import end_on_signals, plainly
from relay.cli.stream import Stream
from relay.core.webhook import Json

P = ParamSpec("P")
Row = Mapping[str, Json]

HERE = "http://127.0.0.1:8000"

PROSE = frozenset({"url", "description", "explanation", "events"})
"""Columns that may be broken into lines."""
WIDEST = 120
"""A table takes so much room even where the terminal is narrower: a broken line reads better than broken words."""

COLOURS = {
    "enabled": "green", "delivered": "green", "connected": "green",
    "pending": "cyan", "sending": "cyan", "connecting": "cyan", "running": "cyan",
    "retrying": "yellow", "held": "yellow", "reconnecting": "yellow", "stopped": "yellow",
    "dead": "red", "failed": "red", "disabled": "red", "cancelled": "dim",
}  # fmt: skip
"""Of words that say how something stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Asks the relay, and shows what it says: tables for people, JSON for scripts."""

    client: Client
    as_json: bool

    def call(self, route: str, body: Mapping[str, Json] | None = None) -> Row:
        """`route`: such as `POST /v1/webhooks`. Raises ApiError."""
        method, path = route.split(" ", 1)
        return self.client.call(method, path, None if body is None else dict(body))

    def stream(self, query: dict[str, str]) -> Stream:
        """The live stream, until a signal; gaps are told on stderr."""
        end_on_signals()
        return Stream(
            self.client.address, self.client.token, query, say=lambda sentence: click.echo(sentence, err=True)
        )

    def pages(self, path: str, limit: int) -> Iterator[Row]:
        """Up to `limit` rows of a list, page after page. Raises ApiError."""
        cursor: Json = None
        joint = "&" if "?" in path else "?"
        while limit > 0:
            size = min(limit, 200)
            page = self.call(f"GET {path}{joint}limit={size}" + (f"&cursor={cursor}" if cursor else ""))
            found = page["data"]
            yield from (row for row in found if isinstance(row, dict)) if isinstance(found, list) else ()
            limit, cursor = limit - size, page.get("next_cursor")
            if not cursor:
                return

    def table(self, rows: Iterator[Row], columns: Sequence[str], *, empty: str) -> None:
        """`columns`: names of fields, in order. `empty`: what to say and do where there is none."""
        found = list(rows)
        if self.as_json:
            self.document({"data": [dict(row) for row in found]})
            return
        if not found:
            click.echo(empty)
            return
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in columns:
            table.add_column(column.replace("_", " "), overflow="fold", no_wrap=column not in PROSE)
        for row in found:
            table.add_row(*(_cell(row.get(column)) for column in columns))
        Console(width=max(Console().width, WIDEST)).print(table)

    def record(self, row: Row) -> None:
        """Every field of one thing."""
        if self.as_json:
            self.document(row)
            return
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for name, value in row.items():
            if value not in (None, "", [], {}):
                table.add_row(name.replace("_", " "), _cell(value))
        Console().print(table)

    def document(self, value: Row) -> None:
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))

    def done(self, sentence: str, row: Row) -> None:
        """For a change: a sentence for people, the answer for scripts."""
        if self.as_json:
            self.document(row)
        else:
            click.echo(sentence)


def remote(command: Callable[Concatenate[Asker, P], None]) -> Callable[P, None]:
    """Give `command` an Asker, and its users the options that make one."""

    @click.option("--json", "as_json", is_flag=True, help="For scripts: JSON instead of a table.")
    @click.option("--relay", "address", envvar="RELAY_URL", default=HERE, show_default=True, show_envvar=True)
    @click.option("--token", envvar="RELAY_ADMIN_TOKEN", default="", show_envvar=True, help="Admin token or API key.")
    @wraps(command)
    def asks(*args: P.args, **kwargs: P.kwargs) -> None:
        address, token, as_json = (kwargs.pop(name) for name in ("address", "token", "as_json"))
        if not token:
            raise click.UsageError("who are you? Set RELAY_ADMIN_TOKEN, or give --token.")
        with plainly():
            command(Asker(client=Client(str(address), str(token)), as_json=bool(as_json)), *args, **kwargs)

    return asks


def _cell(value: Json) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str():
            word = _time(value)
            return f"[{COLOURS[word]}]{word}[/]" if word in COLOURS else word.replace("[", r"\[")
        case list() if all(isinstance(one, str) for one in value):
            return ", ".join(str(one) for one in value)
        case list() | dict():
            return json.dumps(value, indent=2, ensure_ascii=False).replace("[", r"\[")
        case _:
            return str(value)


def _time(text: str) -> str:
    """An RFC 3339 moment in the reader's own zone; any other text as it is."""
    if len(text) < 20 or text[10] != "T" or not text.endswith("Z"):
        return text
    try:
        moment = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError:
        return text
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
