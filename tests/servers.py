"""Real servers for tests: a Redis that can be hurt, and what to do where this machine lacks one."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from relay.store.binary import NoServerError, find_server
from relay.store.leash import leashed
from relay.store.torn import mend
from tests.waiting import until


def missing(what: str) -> NoReturn:
    """This machine has no `what`: no reason to bother a person with a laptop, but a hole in the checks of a CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have {what}")
    pytest.skip(f"there is no {what} here")


def launched(folder: Path, words: Sequence[str]) -> subprocess.Popen[bytes]:
    """A Redis server that was given these words. What it says is in `log` there; it dies with who started it."""
    try:
        server = find_server()
    except NoServerError:
        missing("redis-server")
    with (folder / "log").open("ab") as log, (folder / "pid").open("wb") as pid:
        return subprocess.Popen(
            leashed(pid.fileno(), [str(server), *words]),
            stdout=log,
            stderr=log,
            pass_fds=[pid.fileno()],
            start_new_session=True,
        )


class RedisServer:
    """A Redis on a Unix socket in a folder of its own: `with RedisServer() as server: … server.url`."""

    def __init__(self, *, append_only: bool = False) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="relay-")  # short: a socket's path has about 100 bytes
        self._folder = Path(self._place.name)
        self._append_only = append_only
        self._socket = self._folder / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"
        self.client = redis.Redis(unix_socket_path=str(self._socket), retry=Retry(NoBackoff(), 0))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        if self._process is not None:
            self.kill()
        self._place.cleanup()

    def start(self) -> None:
        log = self._folder / "log"
        said_before = log.stat().st_size if log.exists() else 0
        self._process = launched(self._folder, self._settings())
        until(self.answers, saying=f"Redis answers (see {log})")
        mend(self.client, log.read_bytes()[said_before:].decode(errors="replace"))  # docs/operations.md wants it so

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def forget_everything(self) -> None:
        """Empty it, as a new one would be, but for its settings and scripts."""
        self.client.flushall()

    def stop(self) -> None:
        """End in order, as a planned restart does: what was written is kept if it is append-only."""
        self._signal(signal.SIGTERM)
        self._ended()

    def kill(self) -> None:
        """End by SIGKILL."""
        self._signal(signal.SIGKILL)
        self._ended()

    def pause(self) -> None:
        """Stand still, with all connections open: SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def restart(self, *, empty: bool = False) -> None:
        """Kill it and start it again: with its data (if append-only), or with none."""
        if self._process is not None:
            self.kill()
        if empty:
            shutil.rmtree(self._folder / "appendonlydir", ignore_errors=True)
        self.start()

    def _settings(self) -> list[str]:
        append = ["--appendonly", "yes", "--appendfsync", "always"] if self._append_only else ["--appendonly", "no"]
        place = ["--dir", str(self._folder), "--unixsocket", str(self._socket)]
        return [*place, *append, "--port", "0", "--save", "", "--maxmemory-policy", "noeviction"]

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _ended(self) -> None:
        self.client.connection_pool.disconnect()
        if self._process is not None:
            self._process.wait(10)
            self._process = None
