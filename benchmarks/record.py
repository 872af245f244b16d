"""A run as it is kept: what was measured, on what, and how it compares with the last one."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from time import gmtime, strftime
from typing import Self

from benchmarks.figures import GOALS, Figure

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("gevent", "pycurl", "redis", "hiredis", "msgspec", "websockets", "slack-sdk", "requests")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    at: str
    commit: str
    machine: str
    versions: Mapping[str, str]
    load: float  # the machine's, when the run began
    figures: Sequence[Figure]

    @classmethod
    def of(cls, figures: Sequence[Figure], load: float) -> Self:
        return cls(
            at=strftime("%Y-%m-%dT%H:%M:%SZ", gmtime()),
            commit=_said("git", "rev-parse", "--short", "HEAD"),
            machine=_machine(),
            versions=_versions(),
            load=load,
            figures=figures,
        )

    @classmethod
    def last(cls) -> Self | None:
        """The newest of those in `results`."""
        kept = sorted(RESULTS.glob("*.json"))
        if not kept:
            return None
        known = json.loads(kept[-1].read_text())
        return cls(**{**known, "figures": [Figure(**row) for row in known["figures"]]})

    def keep(self, before: Self | None) -> Path:
        """Write it as JSON and as Markdown; the Markdown's path."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{re.sub(r'[^0-9T]', '', self.at)}.json"
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")
        page = path.with_suffix(".md")
        page.write_text(self.table(before))
        return page

    def table(self, before: Self | None) -> str:
        known = {figure.name: figure for figure in before.figures} if before else {}
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        head = (
            f"{self.at}, commit {self.commit}\n\n{self.machine}; load {self.load:.2f} at the start.\n\n{versions}.\n\n"
            f"| figure | value | ratio | must | aim | {'before | ' if before else ''}note |\n"
            f"|---|---|---|---|---|{'---|' if before else ''}---|\n"
        )
        return head + "".join(_row(figure, known.get(figure.name), bool(before)) for figure in self.figures)


def _row(figure: Figure, before: Figure | None, compared: bool) -> str:  # noqa: FBT001  # a column more
    goal = GOALS.get(figure.name)
    mark = "" if goal is None else "" if goal.met_by(figure) else " **missed**"
    sign = "" if goal is None else "≤ " if goal.at_most else "≥ "
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f} of {figure.against}"
    must = "" if goal is None else f"{sign}{goal.must:g}{mark}"
    aim = "" if goal is None or goal.aim is None else f"{goal.aim:g}"
    was = [_number(before.value) if before else ""] if compared else []
    cells = [figure.name, f"{_number(figure.value)} {figure.unit}", ratio, must, aim, *was, figure.note]
    return "| " + " | ".join(cells) + " |\n"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _machine() -> str:
    model = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    total = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    memory = int(total[1]) >> 20 if total else 0
    name = model[1] if model else platform.processor()
    return f"{os.cpu_count()} cores of {name}, {memory} GiB, Linux {platform.release()}"


def _versions() -> dict[str, str]:
    packages = {name: version(name) for name in PACKAGES}
    redis = re.search(r"v=(\S+)", _said("redis-server", "--version"))
    nginx = _said("nginx", "-v").rpartition("/")[2]
    own = {"Python": platform.python_version(), "Redis": redis[1] if redis else "?", "nginx": nginx}
    return {**own, "Node": _said("node", "--version").lstrip("v"), **packages}


def _said(*words: str) -> str:
    path = os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin"
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path})
    except OSError:
        return "none"
    return (done.stdout or done.stderr).strip()
