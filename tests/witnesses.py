"""Slack's own Node clients as judges: installed once, by the lock in tests/witness, beside the scripts."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.servers import missing

FOLDER = Path(__file__).parent / "witness"


def installed() -> Path:
    """The folder whose scripts can `require` the witnesses. Skips where there is no Node; fails there in a CI."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        missing("node with npm")
    modules = FOLDER / "node_modules"
    stamp = modules / ".made-by"
    locked = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    with (FOLDER / "package-lock.json").open("rb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # two runs of the tests may come at once
        if not (stamp.exists() and stamp.read_text() == locked):
            subprocess.run([npm, "ci", "--ignore-scripts", "--loglevel=error"], cwd=FOLDER, check=True, timeout=300)
            stamp.write_text(locked)
    return FOLDER
