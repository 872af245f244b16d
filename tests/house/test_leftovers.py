"""A test that leaves something behind fails, and says what: shown on tests made to do so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.rooms import ROOT

GUILTY = {
    "greenlet": "import gevent; gevent.spawn(gevent.sleep, 60)",
    "listening socket": "import socket; global left; left = socket.create_server(('127.0.0.1', 0))",
    "process": "import subprocess; global left; left = subprocess.Popen(['sleep', '60'])",
}


GROUND = """
from tests.conftest import *
from tests.conftest import _known_ground, _nothing_left_behind, _threads_are_there
"""


@pytest.mark.parametrize("left", GUILTY)
def test_a_test_that_leaves_something_behind_fails_and_says_what(left: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(GROUND)
    (tmp_path / "test_it.py").write_text(f"def test_guilty():\n    {GUILTY[left]}\n\ndef test_innocent(): pass\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:valkey",
        f"--rootdir={tmp_path}",
        str(tmp_path),
    ]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert re.search(rf"until nothing of this was left: \[.{left}", ran.stdout)
    assert "2 passed, 1 error" in ran.stdout
