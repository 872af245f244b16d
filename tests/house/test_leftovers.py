"""A test that leaves something behind fails, and says what: shown on tests made to do so."""

import re
import subprocess
import sys
from pathlib import Path

from tests.house.rooms import ROOT

GUILTY = {
    "greenlet": "import gevent; gevent.spawn(gevent.sleep, 60)",
    "listening socket": "import socket; global left; left = socket.create_server(('127.0.0.1', 0))",
    "process": "import subprocess; global child; child = subprocess.Popen(['cat'], stdin=subprocess.PIPE)",
}
GROUND = """
import tests.conftest
from tests.conftest import *
from tests.conftest import _known_ground, _nothing_left_behind, _threads_are_there

tests.conftest.GRACE_S = 0.1  # nothing of this will go
"""
GUILTY_TEST = """
def test_{name}():
    {act}

def test_after_{name}():
    pass
"""


def test_a_test_that_leaves_something_behind_fails_and_says_what(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(GROUND)
    tests = [GUILTY_TEST.format(name=left.split()[0], act=act) for left, act in GUILTY.items()]
    (tmp_path / "test_it.py").write_text("".join(tests))
    alone = ["-p", "no:cacheprovider", "-p", "no:valkey", "-p", "no:xdist"]
    command = [sys.executable, "-m", "pytest", *alone, f"--rootdir={tmp_path}", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    for left in GUILTY:
        assert re.search(rf"until nothing of this was left: \[.{left}", ran.stdout)
    assert "6 passed, 3 errors" in ran.stdout
