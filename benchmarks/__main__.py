"""`python -m benchmarks`: measure everything, and show it as one table."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import click

from benchmarks.figures import Figure, middle
from benchmarks.measures.accounts import accounts
from benchmarks.measures.backlog import backlog
from benchmarks.measures.footprint import footprint
from benchmarks.measures.isolation import isolation
from benchmarks.measures.latency import latencies
from benchmarks.measures.matching import matching
from benchmarks.measures.memory import memory
from benchmarks.measures.processes import processes
from benchmarks.measures.scripts import lost_in_a_burst
from benchmarks.measures.steps import steps
from benchmarks.measures.throughput import one_round
from benchmarks.measures.watchers import watchers
from benchmarks.record import Run
from benchmarks.scale import FULL, SHORT, Scale
from benchmarks.stage import Stage, staged

Subject = Callable[[Stage, Scale], Iterable[Figure]]


def throughput(stage: Stage, scale: Scale) -> list[Figure]:
    """All of it in turn, and again: the machine is not the same from minute to minute."""
    return middle([list(_told(one_round(stage, scale))) for _ in range(scale.rounds)])


SUBJECTS: dict[str, Subject] = {
    "throughput": throughput,
    "burst": lost_in_a_burst,
    "backlog": backlog,
    "latency": latencies,
    "isolation": isolation,
    "watchers": watchers,
    "processes": processes,
    "memory": memory,
    "matching": lambda _stage, scale: matching(scale),
    "footprint": footprint,
    "steps": lambda _stage, scale: steps(scale),
    "accounts": accounts,
}


@click.command(epilog="Example: python -m benchmarks --only throughput --rounds 1")
@click.option("--short", is_flag=True, help="Just enough to see that it works: the figures mean nothing.")
@click.option("--only", type=click.Choice(list(SUBJECTS)), multiple=True, help="These subjects alone.")
@click.option("--rounds", type=click.IntRange(1), help="Of throughput; the middle counts.")
@click.option("--million", is_flag=True, help="A backlog of a million instead of a hundred thousand.")
@click.option("--record/--no-record", default=None, help="Keep the run in benchmarks/results. Default: if it is whole.")
def main(*, short: bool, only: tuple[str, ...], rounds: int | None, million: bool, record: bool | None) -> None:
    """Measure the relay, the limit and the scripts, each in the same run."""
    scale = SHORT if short else FULL
    scale = replace(scale, rounds=rounds or scale.rounds, backlog=1_000_000 if million else scale.backlog)
    load = os.getloadavg()[0]
    with staged() as stage:
        figures = [figure for name in only or SUBJECTS for figure in _told(SUBJECTS[name](stage, scale))]
    before, run = Run.last(), Run.of(figures, load)
    click.echo(run.table(before))
    if record if record is not None else not (short or only):
        click.echo(f"Kept as {run.keep(before)}", err=True)


def _told(figures: Iterable[Figure]) -> Iterator[Figure]:
    """Each as soon as it is there."""
    for figure in figures:
        ratio = "" if figure.ratio is None else f"  ({figure.ratio:.2f} of {figure.against})"
        click.echo(f"{figure.name}: {figure.value:,.4g} {figure.unit}{ratio}  {figure.note}", err=True)
        yield figure


if __name__ == "__main__":
    main()
