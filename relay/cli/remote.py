"""What every command that asks a running relay has in common: where it is, who asks, and how the answer is shown."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

import click
from msgspec import Struct

from relay.cli.client import Client, filled
from relay.cli.running import end_on_signals, plainly
from relay.cli.showing import Row, show_record, show_table
from relay.cli.stream import Stream
from relay.core.webhook import Json

P = ParamSpec("P")

HERE = "http://127.0.0.1:8000"
PAGE = 200
"""Rows that the API gives at a time."""


class Asker(Struct, frozen=True, kw_only=True):
    """Asks the relay, and shows what it says: tables for people, JSON for scripts."""

    client: Client
    as_json: bool

    def call(self, route: str, body: Mapping[str, Json] | None = None, **named: str) -> Row:
        """`route`: such as `POST /v1/webhooks/{id}`, with its parameters by name. Raises ApiError."""
        method, path = route.split(" ", 1)
        return self.client.call(method, filled(path, **named), body)

    def stream(self, query: dict[str, str]) -> Stream:
        """The live stream, until a signal; gaps are told on stderr."""
        end_on_signals()
        return Stream(
            self.client.address, self.client.token, query, say=lambda sentence: click.echo(sentence, err=True)
        )

    def table(self, path: str, columns: Sequence[str], *, empty: str, limit: int, **query: Json) -> None:
        """A list's rows, page after page. `columns`: fields, in order. `empty`: what to say where there is none."""
        rows = list(self._pages(path, limit, query))
        if self.as_json:
            self.document({"data": [dict(row) for row in rows]})
        elif rows:
            show_table(rows, columns)
        else:
            click.echo(empty)

    def record(self, row: Row) -> None:
        """Every field of one thing."""
        if self.as_json:
            self.document(row)
        else:
            show_record(row)

    def document(self, value: Row) -> None:
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))

    def done(self, sentence: str, row: Row) -> None:
        """For a change: a sentence for people, the answer for scripts."""
        if self.as_json:
            self.document(row)
        else:
            click.echo(sentence)

    def _pages(self, path: str, limit: int, query: Mapping[str, Json]) -> Iterator[Row]:
        asked = {name: str(value) for name, value in query.items() if value}
        while limit > 0:
            size = min(limit, PAGE)
            page = self.client.call("GET", f"{path}?{urlencode({**asked, 'limit': size})}")
            found = page.get("data")
            if not isinstance(found, list):
                raise self.client.no_relay()
            yield from (row for row in found if isinstance(row, dict))
            limit -= size
            if not page.get("next_cursor"):
                return
            asked["cursor"] = str(page["next_cursor"])


def remote(command: Callable[Concatenate[Asker, P], None]) -> Callable[P, None]:
    """Give `command` an Asker, and its users the options that make one."""

    @click.option("--json", "as_json", is_flag=True, help="For scripts: JSON instead of text.")
    @click.option(
        "--relay", "address", metavar="URL", envvar="RELAY_URL", default=HERE, show_default=True, show_envvar=True,
        help="Where it runs.",
    )  # fmt: skip
    @click.option(
        "--token", metavar="TOKEN", envvar="RELAY_ADMIN_TOKEN", default="", show_envvar=True,
        help="Admin token or API key.",
    )  # fmt: skip
    @wraps(command)
    def asks(*args: P.args, **kwargs: P.kwargs) -> None:
        address, token, as_json = (kwargs.pop(name) for name in ("address", "token", "as_json"))
        if not token:
            raise click.UsageError("who are you? Set RELAY_ADMIN_TOKEN, or give --token.")
        with plainly():
            command(Asker(client=Client(str(address), str(token)), as_json=bool(as_json)), *args, **kwargs)

    return asks
