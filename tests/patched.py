"""A gevent process, as the program's own: loaded by pytest before the plugins that installed packages bring, which
import what is to be patched (`-p tests.patched` in pyproject.toml).
"""

import os

import gevent.monkey
import pytest
from gevent.monkey import get_original

gevent.monkey.patch_all()
pytest.register_assert_rewrite("tests.edges", "tests.store", "tests.whole")  # what tests share says what it found, too


class Word:
    """The event on which a worker of pytest-xdist waits for the next test's name. It comes in a native thread, which
    could not wake a greenlet of a loop that has nothing else to wait for; so this one stops the whole process.
    """

    def __init__(self) -> None:
        self._words = get_original("queue", "SimpleQueue")()

    def set(self) -> None:
        self._words.put(None)

    def wait(self) -> None:
        self._words.get()

    def clear(self) -> None:
        """Who wakes for an old word looks, finds nothing and waits again."""


if "PYTEST_XDIST_WORKER" in os.environ:
    from execnet.gateway_base import ThreadExecModel

    ThreadExecModel.Event = lambda _: Word()  # type: ignore[method-assign]  # it has no door for this
    ThreadExecModel.RLock = lambda _: get_original("_thread", "RLock")()  # type: ignore[method-assign]  # the same
