"""`python -m tests.chaos`: attack a relay for ten minutes, and say whether it kept its promises."""

import gevent.monkey

gevent.monkey.patch_all()

# ruff: noqa: E402  the patch comes before everything that it patches
import sys
from pathlib import Path
from tempfile import mkdtemp

import click
from msgspec.structs import asdict

from tests.chaos.run import Plan, attacked


@click.command()
@click.option("--seconds", default=600.0, show_default=True, help="How long the attack lasts.")
@click.option("--rate", default=20.0, show_default=True, help="Events a second.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the evidence stays. Default: a new one.")
def main(*, seconds: float, rate: float, folder: Path | None) -> None:
    """Two workers, twenty webhooks of all manners; workers killed, Redis stopped, endpoints going up and down."""
    place = folder or Path(mkdtemp(prefix="chaos-"))
    place.mkdir(parents=True, exist_ok=True)
    click.echo(f"{seconds:g} s of it; the evidence is in {place}")
    outcome = attacked(Plan(seconds=seconds, rate=rate), place)
    for line in outcome.verdict.told():
        click.echo(line)
    click.echo(f"ledger: {asdict(outcome.ledger)}, which {'closes' if outcome.ledger.closes else 'DOES NOT CLOSE'}")
    for finding in outcome.audit:
        click.echo(f"BROKEN: {finding}")
    click.echo("The promises were kept." if outcome.good else "The promises were NOT kept.")
    sys.exit(0 if outcome.good else 1)


if __name__ == "__main__":
    main()
