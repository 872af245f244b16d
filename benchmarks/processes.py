"""Child processes of a benchmark, and what they cost, as the kernel counts it (proc(5), so this is Linux alone)."""

import os
import re
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Self, TypeVar

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
LOOK_S = 0.01

Seen = TypeVar("Seen")


class Child:
    """`with Child(words, folder) as child: …` runs a program, whose errors go to a file in `folder`."""

    def __init__(self, words: Sequence[str], folder: Path, *, env: Mapping[str, str] | None = None) -> None:
        self._words = words
        self._env = {**os.environ, **(env or {})}
        self.log = folder / f"{Path(words[0]).name}-{len(list(folder.iterdir()))}.log"

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self._words, env=self._env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def cpu_s(self) -> float:
        return cpu_s(self.pid)

    @property
    def rss_bytes(self) -> int:
        return _status(self.pid, "VmRSS")

    @property
    def peak_bytes(self) -> int:
        return _status(self.pid, "VmHWM")

    def line(self) -> str:
        """The next line that it prints; waits for it."""
        line = _there(self.process.stdout).readline().decode().strip()
        if not line:
            raise SystemExit(f"{' '.join(self._words)} ended: {self.log.read_text()[-2000:]}")
        return line

    def listens_on(self, port: int, within_s: float = 10.0) -> None:
        wait_until(lambda: _answers(port) or self.process.poll() is not None, within_s, f"port {port}")
        if self.process.poll() is not None:
            raise SystemExit(f"{' '.join(self._words)} ended: {self.log.read_text()[-2000:]}")

    def stop(self, within_s: float = 10.0) -> None:
        """In order if it can be, else hard."""
        with ExitStack() as stack:
            stack.callback(_there(self.process.stdout).close)
            with suppress(BrokenPipeError):
                _there(self.process.stdin).close()
            if self.process.poll() is None:
                self.process.terminate()
            try:
                self.process.wait(within_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def _there(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise SystemExit("a child without pipes")  # we start none
    return pipe


def cpu_s(pid: int) -> float:
    """Of all its threads, those that ended included; in whole ticks, 10 ms mostly."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def wait_until(predicate: Callable[[], Seen], within_s: float, what: str, *, look_s: float = LOOK_S) -> Seen:
    """What `predicate` answered when it first answered something true. Ends the program where that takes too long."""
    deadline = monotonic() + within_s
    while not (seen := predicate()):
        if monotonic() > deadline:
            raise SystemExit(f"waited {within_s:g} s in vain: {what}")
        sleep(look_s)
    return seen


def free_ports(count: int) -> list[int]:
    """Of this machine's own address; nobody else has them, as long as nobody takes them before you do."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _status(pid: int, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
