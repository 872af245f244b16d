"""The parts of the docs that are drawn from the program. `make docs` draws them; test_docs finds those that lag.

A part stands between `<!-- drawn: NAME -->` and `<!-- end -->` in its page.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from pkgutil import walk_packages

import click

import relay
from benchmarks import growth
from relay.cli import COMMANDS, relay as commands
from relay.core import delivery
from relay.report import Fact
from relay.store.keys import GLOBAL_KEYS, GLOBAL_TAG, ROOT as PREFIX, SHARD_KEYS, Key
from tests.house.rooms import ROOT, words

MARKS = re.compile(r"(?P<head><!-- drawn: (?P<name>[\w ]+) -->\n).*?(?P<foot><!-- end -->)", re.DOTALL)


def table(*rows: Iterable[str]) -> str:
    """In Markdown; the first row is its head."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * lines[0].replace("\\|", "").count(" |"), *lines[1:]])


def key_table(rows: Iterable[Key], tag: str) -> str:
    def spelled(key: Key) -> str:
        of = "".join(f":<{part}>" for part in key.of.split(", ") if part)
        return f"`{PREFIX}:{{{tag}}}:{key.name}{of}`"

    return table(("key", "type", "what it holds"), *((spelled(key), key.type, key.meaning) for key in rows))


def state_diagram() -> str:
    return f"```mermaid\n{delivery.diagram()}\n```"


def fact_table() -> str:
    """Each room has its own facts, beside those that all share."""
    for module in walk_packages(relay.__path__, "relay."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    rows = [
        (
            f"`{'_'.join(words(kind.__name__))}`",
            kind.level.name.lower(),
            ", ".join(f"`{name}`" for name in kind.__struct_fields__),
            said(kind),
        )
        for kind in sorted(Fact.__subclasses__(), key=lambda kind: (kind.__module__, kind.__name__))
        if kind.__module__.startswith("relay.")
    ]
    return table(("fact", "level", "fields", "says"), *rows)


def command_pages() -> str:
    """What `--help` says of each command."""
    shown = click.Context(commands, info_name="relay", terminal_width=100, **commands.context_settings)
    return "\n\n".join(f"## `{name}`\n\n```text\n{text}\n```" for name, text in helps(shown))


def helps(context: click.Context) -> Iterator[tuple[str, str]]:
    if context.parent is not None:
        yield context.command_path, context.command.get_help(context)
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            below = context.command.get_command(context, name)
            assert below is not None
            yield from helps(click.Context(below, parent=context, info_name=name))


def said(kind: type) -> str:
    """Its docstring, if somebody wrote one: dataclasses make one up, which begins with the class's name."""
    doc = kind.__doc__ or ""
    return "" if doc.startswith(f"{kind.__name__}(") else " ".join(doc.split())


DRAWINGS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "docs/redis.md": {
        "keys of a shard": lambda: key_table(SHARD_KEYS, "0"),
        "keys of the whole relay": lambda: key_table(GLOBAL_KEYS, GLOBAL_TAG),
    },
    "docs/concepts.md": {"life of a delivery": state_diagram},
    "docs/commands.md": {"commands": command_pages},
    "docs/logs.md": {"facts": fact_table},
    "docs/growth.md": {"growth": growth.table},
}


def openapi() -> str | None:
    """The whole of docs/openapi.json."""
    if "openapi" not in COMMANDS:
        return None
    command = [sys.executable, "-m", "relay", "openapi"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def drawn(page: str, text: str) -> str:
    """`text` with each of the page's drawings as the program has it now."""
    drawings = DRAWINGS[page]
    return MARKS.sub(lambda mark: f"{mark['head']}{drawings[mark['name']]()}\n{mark['foot']}", text)


def drawings_in(text: str) -> list[str]:
    return [mark["name"] for mark in MARKS.finditer(text)]


def main() -> None:
    for page in DRAWINGS:
        path = ROOT / page
        path.write_text(drawn(page, path.read_text()))
    if document := openapi():
        (ROOT / "docs/openapi.json").write_text(document)


if __name__ == "__main__":
    main()
