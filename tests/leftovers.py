"""What a test must not leave behind: greenlets, native threads, child processes, listening sockets."""

import gc
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import gevent
from gevent.monkey import get_original
from greenlet import greenlet

THREADS = Path("/proc/self/task")
DESCRIPTORS = Path("/dev/fd")


def settle_the_heap() -> None:
    """Put all that exists now out of the collector's sight: `alive` looks at new objects only, and stays quick."""
    gc.collect()
    gc.freeze()


def fill_the_thread_pool() -> None:
    """Start all threads that gevent's own pool may ever have, and let none go: any other thread is then a test's."""
    gevent.config.threadpool_idle_task_timeout = 3600
    pool = gevent.get_hub().threadpool
    native_sleep = get_original("time", "sleep")
    for waiting in [pool.spawn(native_sleep, 0.01) for _ in range(pool.maxsize)]:
        waiting.get()


def alive() -> frozenset[str]:
    """A name for each thing that runs or listens in this process now."""
    threads = (f"thread {tid}" for tid in _threads())
    children = (f"process {pid}" for pid in _children())
    return frozenset([*_greenlets(), *threads, *children, *_listeners()])


def _greenlets() -> Iterator[str]:
    hub = gevent.get_hub()
    here = gevent.getcurrent()
    for thing in gc.get_objects():
        if issubclass(type(thing), greenlet) and thing.parent is hub and thing is not here and thing:
            yield f"greenlet {thing!r}"


def _threads() -> list[str]:
    return [thread.name for thread in THREADS.iterdir()] if THREADS.is_dir() else []


def _children() -> Iterator[str]:
    for children in THREADS.glob("*/children"):
        try:
            yield from children.read_text().split()
        except OSError:  # the thread ended while we looked
            continue


def own_sockets() -> Iterator[socket.socket]:
    """Each socket that this process has open, to be looked at by a descriptor of its own."""
    for entry in DESCRIPTORS.iterdir():
        descriptor = int(entry.name)
        try:
            duplicate = os.dup(descriptor) if stat.S_ISSOCK(os.fstat(descriptor).st_mode) else None
        except OSError:  # the folder's own descriptor, gone already
            continue
        if duplicate is not None:
            with socket.socket(fileno=duplicate) as found:
                yield found


def _listeners() -> Iterator[str]:
    for one in own_sockets():
        if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            yield f"listening socket {one.getsockname()!r}"
