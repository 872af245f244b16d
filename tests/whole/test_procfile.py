"""The Procfile as a Heroku-style platform runs it: a web and two workers, one Redis, SIGTERM to all at the end."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from socket import socket
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.house.rooms import ROOT
from tests.waiting import until

STOPPED_WITHIN_S = 30
"""After which a platform kills."""


def free_port() -> int:
    with socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def is_well(address: str) -> bool:
    try:
        with urlopen(f"{address}/healthz", timeout=5) as answer:  # noqa: S310  # a relay of the test's own
            return bool(answer.status == 200)
    except (URLError, HTTPException, OSError):
        return False


@pytest.fixture
def platform(redis_url: str, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    """honcho as the platform: itself, the address of the web, and the log that it drains."""
    port = free_port()
    env = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PORT": str(port),  # honcho gives the n-th process of the first kind PORT + n
        "HOST": "127.0.0.1",
        "REDIS_URL": redis_url,
        "RELAY_ADMIN_TOKEN": "an-admin-token-of-the-test",
        "RELAY_SECRET_KEY": "a-secret-key-of-the-test",
        "PYTHONUNBUFFERED": "1",
    }
    log = tmp_path / "log"
    command = [
        sys.executable,
        "-m",
        "honcho",
        "--no-colour",
        "start",
        "--port",
        str(port),
        "--concurrency",
        "web=1,worker=2",
    ]
    with log.open("wb") as drain:
        honcho = subprocess.Popen(command, cwd=ROOT, env=env, stdout=drain, stderr=drain)
    yield honcho, f"http://127.0.0.1:{port}", log
    if honcho.poll() is None:  # a test failed: its processes go with it
        honcho.terminate()
        honcho.wait(30)


def test_the_procfile_starts_works_and_ends_in_order(platform: tuple[subprocess.Popen[bytes], str, Path]) -> None:
    honcho, address, log = platform

    def said(fact: str) -> list[str]:
        """Who said it: web.1, worker.1, worker.2."""
        return sorted(re.findall(rf"(\w+\.\d) +\| .*\"fact\": ?\"{fact}\"", log.read_text()))

    everybody = ["web.1", "worker.1", "worker.2"]
    until(lambda: said("started") == everybody or honcho.poll() is not None, 30, saying="all have started")
    until(lambda: is_well(address) or honcho.poll() is not None, saying="the web answers")
    honcho.send_signal(signal.SIGTERM)
    honcho.wait(STOPPED_WITHIN_S)  # it waits for the shells in between, which don't wait for what they run
    until(lambda: said("stopped") == everybody, STOPPED_WITHIN_S, saying=f"all have stopped:\n{log.read_text()}")
    assert "Traceback" not in log.read_text()
