"""What every long-running command does: read the settings, run until a signal, stop in order."""

import atexit
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import click
import gevent
from gevent.event import AsyncResult

from relay.cli.log import Report
from relay.core.errors import RelayError
from relay.report import Reporter, Stopped, Stopping
from relay.settings import LogFormat, Settings, read_settings

YOUNG = 10_000
"""New objects after which the collector looks at them; Python's own is 700."""


def allow_many_files() -> None:
    """Sockets are files, and a shell's usual limit of 1024 is below what the API alone may hold open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def spare_the_collector() -> None:
    """What is here by now stays: to look it through took the garbage collector 28 ms, and everybody waited. Not even
    now does it look: it takes 50 ms of a start to find a megabyte that nobody needs. What an event needs is mostly
    gone before the collector comes by, if it comes by less often.
    """
    gc.freeze()
    gc.set_threshold(YOUNG)


@contextmanager
def plainly() -> Iterator[None]:
    """Expected errors end the program with their one line, on stderr, and exit code 1."""
    try:
        yield
    except RelayError as error:
        raise click.ClickException(str(error)) from error


def settings_and_report() -> tuple[Settings, Report]:
    """From the environment. Raises BadSettings."""
    settings = read_settings(os.environ)
    return settings, report_for(settings)


def report_for(settings: Settings) -> Report:
    as_json = settings.log_format is LogFormat.JSON or (settings.log_format is None and not sys.stderr.isatty())
    report = Report(sys.stderr, as_json=as_json, level=settings.log_level, later=_soon)
    atexit.register(report.flush)
    return report


def _soon(call: Callable[[], None]) -> None:
    gevent.get_hub().loop.run_callback(call)


class Signals:
    """SIGTERM and SIGINT: the first asks for an orderly end, and a SIGINT after it ends at once. A second SIGTERM says
    nothing new: a platform sends it to every process of a dyno, and so does the parent of a crew.
    """

    def __init__(self) -> None:
        self._asked: AsyncResult[str] = AsyncResult()
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, self._ask, number)

    def wait(self, within_s: float | None = None) -> str | None:
        """The signal's name; None when `within_s` has gone by."""
        try:
            return self._asked.get(timeout=within_s)
        except gevent.Timeout:
            return None

    def _ask(self, number: signal.Signals) -> None:
        if not self._asked.ready():
            self._asked.set(number.name)
        elif number is signal.SIGINT:
            os._exit(130)


def end_on_signals() -> None:
    """SIGTERM and SIGINT end a command that only watches: what is open is closed, and the exit code is 0."""
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, sys.exit, 0)  # gevent brings it to the main greenlet


def stopped_in_order(what: str, stop: Callable[[], None], report: Reporter, *, because: str) -> None:
    """Report the beginning and the end of `stop`."""
    began = monotonic()
    report(Stopping(what=what, because=because))
    stop()
    report(Stopped(what=what, seconds=monotonic() - began))
