"""What people are shown of an answer: tables, in colour on a terminal, and every field of one thing."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from textwrap import indent

from rich.console import Console
from rich.table import Table
from rich.text import Text

from relay.core.webhook import Json

Row = Mapping[str, Json]

PROSE = frozenset({"url", "description", "explanation", "events"})
"""Columns that may be broken into lines."""
WIDEST = 120
"""A table takes so much room even where the terminal is narrower: a broken line reads better than broken words."""
PIPED = 10_000
"""And as much as it wants where a program reads it."""
SOURCES = frozenset({"envelope", "filter"})
"""Fields that are shown as the JSON that they are: people copy them."""

COLOURS = {
    "enabled": "green", "delivered": "green", "connected": "green", "finished": "green",
    "pending": "cyan", "sending": "cyan", "connecting": "cyan", "running": "cyan",
    "retrying": "yellow", "held": "yellow", "reconnecting": "yellow", "stopped": "yellow",
    "dead": "red", "failed": "red", "disabled": "red", "cancelled": "dim",
}  # fmt: skip
"""Of words that say how something stands."""

_COMMANDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """`text` with what a terminal would obey spelled out: anybody in the workspace may have written it."""
    return _COMMANDING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def show_table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    """`columns`: names of fields, in order."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold", no_wrap=column not in PROSE)
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    console = Console()
    console.width = max(console.width, WIDEST) if console.is_terminal else PIPED
    console.print(table)


def show_record(row: Row) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in row.items():
        if value not in (None, "", [], {}):
            shown = Text(json.dumps(value, indent=2)) if name in SOURCES else _cell(value)
            table.add_row(name.replace("_", " "), shown)
    console = Console()
    console.width = console.width if console.is_terminal else PIPED
    console.print(table)


def _cell(value: Json) -> Text:
    words = _words(value)
    return Text(words, style=COLOURS.get(words, ""))


def _words(value: Json) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer():
            return str(int(value))
        case str():
            return visible(_time(value))
        case list() if any(isinstance(each, dict | list) for each in value):
            return "\n".join(f"- {indent(_words(each), '  ').lstrip()}" for each in value)
        case list():
            return ", ".join(map(_words, value))
        case dict():
            return "\n".join(_line(name, each) for name, each in value.items() if each not in (None, "", [], {}))
        case _:
            return str(value)


def _line(name: str, value: Json) -> str:
    words, name = _words(value), visible(name).replace("_", " ")
    return f"{name}:\n{indent(words, '  ')}" if isinstance(value, dict) or "\n" in words else f"{name}: {words}"


def _time(text: str) -> str:
    """An RFC 3339 moment in the reader's own zone; any other text as it is."""
    if len(text) < 20 or text[10] != "T" or not text.endswith("Z"):
        return text
    try:
        moment = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError:
        return text
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
