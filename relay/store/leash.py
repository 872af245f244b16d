"""Runs a program that ends when the one who started it does, even by SIGKILL.

`leashed` gives the command line; what it starts is this file, as a script in a bare Python, which becomes the program.
Its process number goes into the file behind `lock`, and the program inherits that descriptor: while a lock on it is
held, the number is the one of a living process. Only Linux knows how to end a child with its parent (prctl(2),
PR_SET_PDEATHSIG); elsewhere the lock and the number let the next start find what was left. A process of its own
instead of a `preexec_fn`, which is not safe in a process with threads.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def leashed(lock: int, program: Sequence[str]) -> list[str]:
    """The command line for `program` on a leash of this process; `lock` must be among the descriptors passed on."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(lock), *program]


def main() -> None:
    parent, lock, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the leash was on
        sys.exit(1)
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    os.set_inheritable(lock, True)
    os.execv(program[0], program)  # noqa: S606 its arguments are ours


if __name__ == "__main__":
    main()
