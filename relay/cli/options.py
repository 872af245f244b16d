"""Options that several commands have: named alike, and meaning the same."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click

P = ParamSpec("P")
T = TypeVar("T")
Decorator = Callable[[Callable[P, T]], Callable[P, T]]

limit = click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")

SINCE = "From then on; RFC 3339, such as 2026-11-23T00:00:00Z"
UNTIL = "Before then."


def _split(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for each in given for word in each.split(",") if word)


def several(*names: str, metavar: str, help: str) -> Callable[[click.decorators.FC], click.decorators.FC]:
    """An option that takes words with commas between them, and may be given more than once."""
    return click.option(*names, multiple=True, callback=_split, metavar=metavar, help=help)


events = several("--events", "-e", metavar="SELECTORS", help="Such as message,reaction_*; repeatable.")


def sure(question: str) -> Callable[[click.decorators.FC], click.decorators.FC]:
    """`--yes`, or the question is asked; on stderr, because stdout is for what was asked for."""

    def ask(_context: click.Context, _option: click.Parameter, yes: bool) -> None:  # noqa: FBT001  # click's
        if not yes:
            click.confirm(question, abort=True, err=True)

    return click.option("--yes", is_flag=True, expose_value=False, callback=ask, help="Don't ask.")
