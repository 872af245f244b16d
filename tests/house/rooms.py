"""The program's own source, as the tests of the house read it: parsed once, each finding with its place."""

import ast
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

import pytest

ROOT = Path(__file__).parents[2]
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One file of Python."""

    path: Path  # from the root of the repository
    text: str
    tree: ast.Module

    def place(self, node: ast.AST, says: str) -> str:
        """A finding, as an editor can jump to it."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {says}"

    def all(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        return (node for node in ast.walk(self.tree) if isinstance(node, kinds))

    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    def classes(self) -> Iterator[ast.ClassDef]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef))

    def methods(self) -> Iterator[tuple[ast.ClassDef, Function]]:
        return ((made, node) for made in self.classes() for node in made.body if isinstance(node, Function))

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Each call with the last word of what is called: `spawn` for `gevent.spawn(…)`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                match node.func:
                    case ast.Name(id=name) | ast.Attribute(attr=name):
                        yield node, name


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Each module under `folders` ("relay", "tests") that stands in the work tree."""
    paths = sorted(
        path for folder in folders for path in (ROOT / folder).rglob("*.py") if "node_modules" not in path.parts
    )
    return tuple(Module(path.relative_to(ROOT), path.read_text(), ast.parse(path.read_text())) for path in paths)


@cache
def tracked() -> tuple[Path, ...]:
    """Each file that git has, or would have by `git add --all`, and that stands."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")
    return tuple(sorted(path for name in set(listed) if name and (ROOT / (path := Path(name))).is_file()))


def words(name: str) -> list[str]:
    """`RetryEventId` and `retry_event_id` are the words retry, event and id."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+", name)]


def nothing(found: Iterable[str]) -> None:
    """Fails with one line for each finding."""
    if findings := list(found):
        pytest.fail("\n".join(["", *findings]), pytrace=False)
