"""The commands. Each lives in a module of its own, imported only when it is called, so that `relay serve` is ready
soon.
"""

import gc
from importlib import import_module

import click

from relay import __version__

COMMANDS = {
    "demo": "relay.cli.demo",
    "serve": "relay.cli.serve",
    "web": "relay.cli.serve",
    "worker": "relay.cli.serve",
    "simulate": "relay.cli.simulate",
    "webhooks": "relay.cli.webhooks",
    "connections": "relay.cli.connections",
    "events": "relay.cli.events",
    "deliveries": "relay.cli.deliveries",
    "keys": "relay.cli.keys",
    "tail": "relay.cli.tail",
    "listen": "relay.cli.listen",
    "doctor": "relay.cli.doctor",
    "openapi": "relay.cli.openapi",
    "completion": "relay.cli.completion",
}
"""Command → the module that has a click command of that name."""


class Commands(click.Group):
    """A group that knows its commands by name and imports them late."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # the same
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(COMMANDS[cmd_name]), cmd_name)
        return command if isinstance(command, click.Command) else None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message="relay %(version)s")
def relay() -> None:
    """Slack's events, held on one socket and sent on as signed webhooks.

    \b
    Try it, with no account and no server:   relay demo
    Run it:                                  relay serve
    """
    if not gc.isenabled():  # see __main__
        gc.freeze()
        gc.enable()
