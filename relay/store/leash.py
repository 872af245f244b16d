"""Runs a program that ends when the one who started it does, even by SIGKILL. A script, run by its path in a bare Python.

    python -I -S leash.py PARENT_PID LOCK_FD PROGRAM ARGUMENTS…

The process number goes into the file behind LOCK_FD, and PROGRAM then inherits that descriptor: while the lock on it is
held, the number is the one of a living process. Only Linux knows how to end a child with its parent (prctl(2),
PR_SET_PDEATHSIG); elsewhere the lock and the number let the next start find what was left. A process of its own instead
of a `preexec_fn`, which is not safe in a process with threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, lock, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the leash was on
        sys.exit(1)
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    os.set_inheritable(lock, True)
    os.execv(program[0], program)


if __name__ == "__main__":
    main()
