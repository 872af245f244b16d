"""`relay openapi`: the API's description, as `/openapi.json` serves it."""

import json

import click

from relay import __version__
from relay.admin.nouns import NOUNS
from relay.admin.openapi import document


@click.command(epilog="Example: relay openapi > relay.json")
def openapi() -> None:
    """Print the OpenAPI document."""
    click.echo(json.dumps(document(NOUNS, __version__), indent=2))
