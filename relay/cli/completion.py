"""`relay completion`: what makes the Tab key know the commands."""

import click
from click.shell_completion import get_completion_class

VARIABLE = "_RELAY_COMPLETE"
"""Click's own name for a program called relay."""


@click.command(epilog="Example: relay completion bash >> ~/.bashrc")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for a shell."""
    kind = get_completion_class(shell)
    if kind is not None:  # of these three each is known
        click.echo(kind(context.find_root().command, {}, "relay", VARIABLE).source())
