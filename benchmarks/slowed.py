"""A slower clock: processes that may use only a part of a core each, as the kernel's cgroups hold them to it.

On a small machine two processes of ours share the cores with Redis, the load and the receiver, and what is seen is the
machine's end and not theirs. Held to a fifth of a core each, all of them have room, and whatever keeps two from doing
twice the work of one is our own. Needs a cgroup that may be written to (cgroups(7), version 1 or 2): root, mostly.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import wait_until

ROOT = Path("/sys/fs/cgroup")
PERIOD_US = 20_000
"""Short, so that a process that has used up its part waits for milliseconds and not for a tenth of a second."""


@contextmanager
def slowed(pids: Iterable[int], part: float) -> Iterator[None]:
    """Let each of them have `part` of a core, within the block. Raises OSError where that can't be had."""
    quota_us = int(PERIOD_US * part)
    homes: list[tuple[int, Path]] = []
    try:
        for pid in pids:
            home = _root() / f"relay-bench-{os.getpid()}-{pid}"
            home.mkdir()
            homes.append((pid, home))
            _hold(home, quota_us)
            (home / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        for _, home in homes:
            _leave(home)


def can_slow() -> bool:
    """Whether this machine lets us."""
    home = _root() / f"relay-bench-{os.getpid()}"
    try:
        home.mkdir()
    except OSError:
        return False
    try:
        _hold(home, PERIOD_US)
    except OSError:
        return False
    finally:
        home.rmdir()
    return True


def _root() -> Path:
    """Of the controller that knows cpu."""
    return ROOT if (ROOT / "cgroup.controllers").exists() else ROOT / "cpu"


def _hold(home: Path, quota_us: int) -> None:
    if (home / "cpu.cfs_quota_us").exists():
        (home / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (home / "cpu.cfs_quota_us").write_text(str(quota_us))
    else:
        (home / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")


def _leave(home: Path) -> None:
    """Its processes go back to where they may do as they like."""
    for pid in (home / "cgroup.procs").read_text().split():
        (home.parent / "cgroup.procs").write_text(pid)
    wait_until(lambda: not (home / "cgroup.procs").read_text(), 5.0, f"{home} is empty")
    home.rmdir()
