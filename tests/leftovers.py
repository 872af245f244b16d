"""What a test must not leave behind: greenlets, native threads, child processes, listening sockets."""

import gc
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import gevent
from greenlet import greenlet

THREADS = Path("/proc/self/task")
DESCRIPTORS = Path("/dev/fd")


def settle_the_heap() -> None:
    """Put all that exists now out of the collector's sight, so that `alive` looks at new objects only and stays quick."""
    gc.collect()
    gc.freeze()


def fill_the_thread_pool() -> None:
    """Start all threads that gevent's own pool may ever have: any other thread is then a test's."""
    pool = gevent.get_hub().threadpool
    native_sleep = gevent.monkey.get_original("time", "sleep")
    for waiting in [pool.spawn(native_sleep, 0.01) for _ in range(pool.maxsize)]:
        waiting.get()


def alive() -> frozenset[str]:
    """A name for each thing that runs or listens in this process now."""
    return frozenset(
        [*_greenlets(), *(f"thread {tid}" for tid in _threads()), *(f"process {pid}" for pid in _children()), *_listeners()]
    )


def _greenlets() -> Iterator[str]:
    hub = gevent.get_hub()
    here = gevent.getcurrent()
    for thing in gc.get_objects():
        if isinstance(thing, greenlet) and thing.parent is hub and thing is not here and thing:
            yield f"greenlet {thing!r}"


def _threads() -> list[str]:
    return os.listdir(THREADS) if THREADS.is_dir() else []


def _children() -> Iterator[str]:
    for children in THREADS.glob("*/children"):
        try:
            yield from children.read_text().split()
        except OSError:  # the thread ended while we looked
            continue


def _listeners() -> Iterator[str]:
    for name in os.listdir(DESCRIPTORS):
        try:
            is_socket = stat.S_ISSOCK(os.fstat(int(name)).st_mode)
            duplicate = os.dup(int(name)) if is_socket else None
        except OSError:  # the folder's own descriptor, gone already
            continue
        if duplicate is not None:
            with socket.socket(fileno=duplicate) as found:
                if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    yield f"listening socket {found.getsockname()!r}"
