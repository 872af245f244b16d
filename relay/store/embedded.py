"""A private Redis for people who have none: one server process under the data folder, which lives as long as the program.

Two locks keep the data whole. `relay.lock` is held by the program: a second one on the same folder is told so.
`server.lock` is held by the server itself (it inherits the descriptor): a server that outlived its program, because
that was killed with SIGKILL, is found by it and ended before a new one opens the same files. Both are the kernel's
(flock), so nothing stale can be left by a crash. Clients come in by a Unix socket in the folder; there is no TCP port.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from relay.core.errors import RelayError
from relay.store import leash

READY_WITHIN_S = 10.0
"""For the first answer; a server that answers that it is still loading may take its time."""
STOP_WITHIN_S = 10.0
LOOK_S = 0.005
SOCKET_PATH_BYTES = 100
"""sun_path holds 108 bytes on Linux and 104 on macOS."""

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "databases": "1",
    "save": "",
    "maxmemory-policy": "noeviction",
    "appendonly": "yes",
    # Stored, then acknowledged: what Slack was told we have must survive a power cut, and `everysec` gives up a second.
    # The cost is one fsync for each batch, not for each event. (On a full disk `always` ends the server instead of
    # refusing writes; the service starts it again.)
    "appendfsync": "always",
    "logfile": "",
}


class EmbeddedRedisError(RelayError):
    """The private Redis cannot run here, and why."""


class EmbeddedRedis:
    """A context manager: `with EmbeddedRedis(folder) as server: … server.url`."""

    def __init__(self, folder: Path, *, binary: Path | None = None) -> None:
        self._folder = folder
        self._binary = binary
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._socket = folder / "redis.sock"

    def __repr__(self) -> str:
        pid = self._process.pid if self._process is not None else None
        return f"<EmbeddedRedis {self._folder} pid={pid}>"
