"""A person who follows a page of docs/: writes its files, types its commands, and looks whether that comes out.

Of a page's blocks, ```console is typed line by line, and what stands below a command is what it must print, "…" for
anything. ```console runs goes on running, as in a terminal of its own; ```text from=NAME is what the command with that
name has said by now. ```python file=NAME is a file.
"""

import os
import random
import re
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from types import TracebackType
from typing import Self

from gevent.subprocess import PIPE, STDOUT, Popen

from tests.house.rooms import ROOT
from tests.servers import missing
from tests.waiting import until

TOOLS = ("curl", "openssl", "redis-cli")
"""What pages use beside what the relay's own set-up brings."""
MARK = "-- end of command --"
BLOCK = re.compile(r"^( *)```(\w+) ?([^\n]*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    told: str  # what follows the language
    text: str

    def typed(self) -> Iterator[tuple[str, str]]:
        """Each command, and what it prints."""
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            yield command, expected.strip()


def read(page: str) -> str:
    """A page of docs/, with ports that are free here instead of the relay's and the endpoint's."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return text.replace("127.0.0.1:8000", f"127.0.0.1:{free_port()}").replace("3000", str(free_port()))


def without(page: str, *headings: str) -> str:
    """A page without some of its sections."""
    sections = re.split(r"^(?=## )", page, flags=re.MULTILINE)
    return "".join(section for section in sections if not section.startswith(tuple(f"## {h}" for h in headings)))


def blocks(page: str) -> Iterator[Block]:
    for _, language, told, text in BLOCK.findall(page):
        yield Block(language, told, dedent(text))


def free_port() -> int:
    """Below those that the kernel gives out, so that nobody takes it before it is used."""
    while True:
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            return int(sock.getsockname()[1])


def matches(expected: str, said: str) -> bool:
    """Blanks may differ in number: tables are as wide as what they hold."""
    pieces = [r"\s+".join(map(re.escape, part.split())) for part in expected.split("…")]
    return re.search(r".*".join(pieces), said, re.DOTALL) is not None


class Terminal:
    """`with Terminal(folder, env) as terminal: terminal.follow(page)`."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._folder = folder
        self._env = {"PATH": path, "HOME": str(folder), "COLUMNS": "160", **env}

    def __enter__(self) -> Self:
        self._shell = Popen(
            ["bash"], stdin=PIPE, stdout=PIPE, stderr=STDOUT, text=True, cwd=self._folder, env=self._env
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write("kill $(jobs -p) 2> /dev/null\nwait\nexit\n")
        self._shell.stdin.close()
        self._shell.stdout.read()
        self._shell.wait(30)
        self._shell.stdout.close()

    def follow(self, page: str) -> None:
        typed = " ".join(block.text for block in blocks(page) if block.language == "console")
        for tool in TOOLS:
            if re.search(rf"\b{tool}\b", typed) and shutil.which(tool) is None:
                missing(tool)
        for block in blocks(page):
            match block.language, block.told.partition("=")[::2]:
                case "console", ("runs", _):
                    self._run(block)
                case "console", _:
                    for command, expected in block.typed():
                        said = self.type(command)
                        assert matches(expected, said), f"$ {command}\n{said}"
                        assert "Error" not in said, f"$ {command}\n{said}"
                case "text", ("from", name):
                    self.see(name, block.text)
                case _, ("file", name):
                    (self._folder / name).write_text(block.text, encoding="utf-8")

    def type(self, command: str) -> str:
        """What it prints."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{command}\necho; echo '{MARK}'\n")
        self._shell.stdin.flush()
        return "".join(iter(self._shell.stdout.readline, f"{MARK}\n"))

    def see(self, name: str, expected: str) -> None:
        """Wait until the running command says that."""
        log = self._folder / f"{name}.log"
        try:
            until(lambda: matches(expected.strip(), log.read_text()))
        except AssertionError:
            raise AssertionError(f"{name} has not said {expected!r}, but\n{log.read_text()}") from None

    def _run(self, block: Block) -> None:
        ((command, expected),) = block.typed()
        name = command.split()[-1]
        (self._folder / f"{name}.log").touch()
        self.type(f"{command} >> {name}.log 2>&1 &")
        self.see(name, expected)
