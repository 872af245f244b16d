"""A private Redis for people who have none: one server process, which lives as long as the program.

Two locks keep the data whole. `relay.lock` is held by the program: a second one on the same folder is told so.
`server.lock` is held by the server itself (it inherits the descriptor): a server that outlived its program, because
that was killed with SIGKILL, is found by it and ended before a new one opens the same files. Both are the kernel's
(flock), so nothing stale can be left by a crash. Clients come in by a Unix socket; there is no TCP port.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from relay.core.errors import Away
from relay.store import binary
from relay.store.leash import leashed
from relay.store.torn import mend

READY_WITHIN_S = 10.0
"""For the first answer; a server that says that it is still loading may take its time."""
STOP_WITHIN_S = 10.0
TURN_S = 2.0
LOOK_S = 0.005
SOCKET_PATH_BYTES = 100
"""sun_path holds 108 bytes on Linux and 104 on macOS."""
LAST_WORDS_LINES = 3

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "databases": "1",
    "save": "",
    "maxmemory-policy": "noeviction",
    "appendonly": "yes",
    # Stored, then acknowledged: what we told Slack that we have must survive a power cut, and `everysec` gives up a
    # second. The cost is one fsync for a batch, not for an event. On a full disk `always` ends the server where
    # `everysec` refuses writes; `keep_up` brings it back.
    "appendfsync": "always",
}

Seen = TypeVar("Seen")


class EmbeddedRedisError(Away):
    """The private Redis can't run now, and why."""


class EmbeddedRedis:
    """`with EmbeddedRedis(folder) as server:` gives clients `server.url`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._socket = self._folder / "redis.sock"
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        pid = self._process.pid if self._process is not None else None
        return f"<EmbeddedRedis folder={str(self._folder)!r} pid={pid}>"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self._socket))}"

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises EmbeddedRedisError or NoServerError, in a sentence for the person at the keyboard.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _own(self._folder)
            self._socket = _short(self._folder / "redis.sock")
            self._run()
        except OSError as error:
            self.stop()
            raise EmbeddedRedisError(
                f"The private Redis cannot keep its data in {self._folder}: {error.strerror or error}. "
                "Set RELAY_DATA_DIR to a folder that relay may write to, or REDIS_URL."
            ) from error
        except BaseException:
            self.stop()
            raise

    def keep_up(self) -> None:
        """One turn of a loop: wait for the server to end by itself, TURN_S at most, and bring it back if it did.

        Raises EmbeddedRedisError as long as it can't be brought back: a full disk, say.
        """
        if self._process is not None:
            try:
                self._process.wait(TURN_S)
            except subprocess.TimeoutExpired:
                return
        self._run()

    def stop(self) -> None:
        """End the server, which first writes what it has, and give the folder free. Harmless when nothing runs."""
        self._end()
        if self._socket.parent != self._folder:
            shutil.rmtree(self._socket.parent, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _run(self) -> None:
        self._process = self._launch()
        try:
            self._wait_until_it_answers(self._process)
        except BaseException:
            self._end()
            raise

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _launch(self) -> subprocess.Popen[bytes]:
        server = _server_for(self._folder)
        lock = _outlive(self._folder / "server.lock")
        settings = {**SETTINGS, "dir": str(self._folder), "unixsocket": str(self._socket)}
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        try:
            with (self._folder / "redis.log").open("wb") as log:
                return subprocess.Popen(
                    leashed(lock, [server, *words]),
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[lock],
                    start_new_session=True,  # Ctrl-C is for the program, which stops the server when it is done with it
                )
        finally:
            os.close(lock)

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        with redis.Redis(unix_socket_path=str(self._socket), retry=Retry(NoBackoff(), 0)) as client:
            while True:
                try:
                    client.ping()
                except redis.BusyLoadingError:
                    deadline = time.monotonic() + READY_WITHIN_S
                except redis.RedisError as error:
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise EmbeddedRedisError(
                            f"The private Redis in {self._folder} does not start: {self._last_words()}"
                        ) from error
                else:
                    mend(client, self._said())
                    return
                time.sleep(LOOK_S)

    def _said(self) -> str:
        """By the server that runs now."""
        return (self._folder / "redis.log").read_text(errors="replace")

    def _last_words(self) -> str:
        lines = self._said().splitlines()
        return " / ".join([line.strip() for line in lines if line.strip()][-LAST_WORDS_LINES:]) or "it said nothing"


def _own(folder: Path) -> int:
    """The program's lock on `folder`."""
    lock = _try_lock(folder / "relay.lock")
    if lock is None:
        raise EmbeddedRedisError(
            f"Another relay (process {_pid_in(folder / 'relay.lock')}) keeps its data in {folder}."
            " Stop it, give this one a RELAY_DATA_DIR of its own, or let both use one Redis by REDIS_URL."
        )
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _outlive(path: Path) -> int:
    """The server's lock, once a server that an earlier program left behind has ended."""
    for sign in (None, signal.SIGTERM, signal.SIGKILL):
        left = _pid_in(path)
        if sign is not None and left is not None:
            with suppress(ProcessLookupError):
                os.kill(left, sign)
        lock = _within(STOP_WITHIN_S if sign is not None else LOOK_S, lambda: _try_lock(path))
        if lock is not None:
            return lock
    raise EmbeddedRedisError(
        f"The Redis that an earlier relay started in {path.parent} (process {_pid_in(path)}) does not end."
    )


def _try_lock(path: Path) -> int | None:
    """An open, empty, locked file, or None if another process holds it."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    os.ftruncate(lock, 0)
    return lock


def _pid_in(path: Path) -> int | None:
    digits = path.read_text() if path.exists() else ""
    return int(digits) if digits.isdecimal() else None


def _server_for(folder: Path) -> str:
    """The server that wrote this folder's data, as long as it is there (another one may not read it), else any."""
    note = folder / "server.path"
    if note.exists() and binary.version(Path(note.read_text())):
        return note.read_text()
    server = str(binary.find_server())
    note.write_text(server)
    return server


def _short(path: Path) -> Path:
    """`path` if a socket's address can hold it, else one in a private folder of the system's own."""
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    return Path(tempfile.mkdtemp(prefix="relay-")) / path.name


def _within(limit_s: float, look: Callable[[], Seen | None]) -> Seen | None:
    deadline = time.monotonic() + limit_s
    while (seen := look()) is None and time.monotonic() < deadline:
        time.sleep(LOOK_S)
    return seen
