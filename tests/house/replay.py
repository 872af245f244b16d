"""A Dockerfile played in a plain folder, where no engine runs: its steps, copies and environment, not its isolation."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SYSTEM_STEPS = ("useradd",)
"""What changes the system beneath instead of the folder; not played."""


@dataclass(slots=True, kw_only=True)
class Image:
    """What the steps made: the root folder, shared by all stages, and what the last stage says about running it."""

    root: Path
    workdir: str = "/"
    env: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)  # CMD, USER, EXPOSE, HEALTHCHECK, …: as they stand
    froms: list[str] = field(default_factory=list)

    def inside(self, path: str) -> Path:
        return self.root / str(Path(self.workdir) / path).lstrip("/")

    def command(self, instruction: str) -> list[str]:
        """The words of an instruction in its exec form."""
        listed = json.loads(self.said[instruction].partition("CMD ")[2] or self.said[instruction])
        assert isinstance(listed, list)
        return [str(word) for word in listed]

    def path(self) -> str:
        """PATH inside, as it is out here."""
        return re.sub(r"(^|:)/relay", rf"\1{self.root}/relay", self.env["PATH"].replace("$PATH", os.environ["PATH"]))


def instructions(text: str) -> Iterator[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    for line in filter(None, map(str.strip, joined.splitlines())):
        word, _, rest = line.partition(" ")
        yield word, rest.strip()


def replay(dockerfile: Path, context: Path, root: Path) -> Image:
    """Plays each instruction, with the files of `context`, under `root`."""
    image = Image(root=root)
    for word, rest in instructions(dockerfile.read_text()):
        match word:
            case "FROM":
                image.froms.append(rest.split()[0])
                image.workdir = "/"
            case "WORKDIR":
                image.workdir = rest
                image.inside("").mkdir(parents=True, exist_ok=True)
            case "ENV":
                image.env |= dict(pair.partition("=")[::2] for pair in shlex.split(rest))
            case "COPY":
                _copy(image, context, rest.split())
            case "RUN":
                _run(image, rest)
            case _:
                image.said[word] = rest
    return image


def _copy(image: Image, context: Path, names: list[str]) -> None:
    if names[0].startswith("--from="):
        assert all(image.inside(name).exists() for name in names[1:]), names  # the stages share one root
        return
    *sources, target = names
    place = image.inside(target)
    for source in sources:
        if (context / source).is_dir():
            shutil.copytree(context / source, place, dirs_exist_ok=True)
        else:
            shutil.copy2(context / source, place)


def _run(image: Image, step: str) -> None:
    if step.startswith(SYSTEM_STEPS):
        return
    moved = re.sub(r"(?<=\s)/(?=relay\b)", f"{image.root}/", step)
    tools = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(["bash", "-ec", moved], cwd=image.inside(""), env={**os.environ, "PATH": tools}, check=True)
