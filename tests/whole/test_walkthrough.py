"""docs/walkthrough.md, command by command, in a shell: what it says comes out does come out."""

import os
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from gevent.subprocess import PIPE, STDOUT, Popen

from tests.waiting import until
from tests.whole.program import ADMIN_TOKEN, Program

PAGE = Path(__file__).parents[2] / "docs" / "walkthrough.md"
MARK = "-- end of command --"


@dataclass(frozen=True, slots=True)
class Typed:
    """A command, and the pattern of what it prints, "…" for anything."""

    command: str
    expected: str


def typed(page: str) -> Iterator[Typed]:
    for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            yield Typed(command, expected.strip())


def files(page: str) -> Iterator[tuple[str, str]]:
    yield from re.findall(r"```python file=(\S+)\n(.*?)```", page, re.DOTALL)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def matches(expected: str, said: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in re.split(r"\s*…\s*", expected))
    return re.search(pattern, said, re.DOTALL) is not None


@pytest.fixture
def page() -> str:
    """With ports that are free here."""
    text = PAGE.read_text(encoding="utf-8")
    return text.replace("127.0.0.1:8000", f"127.0.0.1:{free_port()}").replace("3000", str(free_port()))


def test_every_command_of_the_walk_through_does_what_it_says(page: str, tmp_path: Path) -> None:
    port = re.findall(r"RELAY_URL=http://127\.0\.0\.1:(\d+)", page)[0]
    for name, text in files(page):
        (tmp_path / name).write_text(text, encoding="utf-8")
    with Program(f"demo --port {port} --rate 20", {"RELAY_ADMIN_TOKEN": ADMIN_TOKEN}) as demo:
        until(lambda: any("Registered" in line for line in demo.said), 30)
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        env = {"PATH": path, "HOME": str(tmp_path), "COLUMNS": "160"}
        shell = Popen(["bash"], stdin=PIPE, stdout=PIPE, stderr=STDOUT, text=True, cwd=tmp_path, env=env)
        assert shell.stdin is not None
        assert shell.stdout is not None
        try:
            for step in typed(page):
                shell.stdin.write(f"{step.command}\necho; echo '{MARK}'\n")
                shell.stdin.flush()
                said = "".join(iter(shell.stdout.readline, f"{MARK}\n"))
                assert matches(step.expected, said), f"$ {step.command}\n{said}"
                assert "Error" not in said, f"$ {step.command}\n{said}"
        finally:
            shell.stdin.write("kill $(jobs -p)\nexit\n")
            shell.stdin.close()
            shell.stdout.read()
            shell.wait(10)
            shell.stdout.close()
