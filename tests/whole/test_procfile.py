"""The Procfile as a Heroku-style platform runs it: a web and a worker of two processes, a Redis with a self-signed
certificate, SIGTERM to all at the end.
"""

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

from tests.constellations import HOST, Node, speaking_tls
from tests.edges.certificates import make_authority
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
def redis(tmp_path: Path) -> Iterator[Node]:
    folder = tmp_path / "tls"
    folder.mkdir()
    make_authority(folder).serving("redis.example", signed=False)
    with speaking_tls(next(folder.glob("redis.example*"))) as node:
        yield node


@pytest.fixture
def platform(redis: Node, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    """honcho as the platform: itself, the address of the web, and the log that it drains."""
    port = free_port()
    env = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PORT": str(port),  # honcho gives the n-th process of the first kind PORT + n
        "HOST": "127.0.0.1",
        "REDIS_URL": f"redis://{HOST}:9",  # nobody is there: the one with TLS is taken
        "REDIS_TLS_URL": f"rediss://{HOST}:{redis.port}",
        "RELAY_REDIS_TLS_VERIFY": "false",
        "WEB_CONCURRENCY": "2",
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
        "web=1,worker=1",
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
        """Who said it: web.1, worker.1, each as often as it did."""
        return sorted(re.findall(rf"(\w+\.\d) +\| .*\"fact\": ?\"{fact}\"", log.read_text()))

    two_workers = ["web.1", "worker.1", "worker.1"]
    until(lambda: said("started") == two_workers or honcho.poll() is not None, 30, saying="all have started")
    until(lambda: is_well(address) or honcho.poll() is not None, saying="the web answers")
    honcho.send_signal(signal.SIGTERM)
    honcho.wait(STOPPED_WITHIN_S)  # it waits for the shells in between, which don't wait for what they run
    and_their_parent = [*two_workers, "worker.1"]
    until(lambda: said("stopped") == and_their_parent, STOPPED_WITHIN_S, saying=f"all have stopped:\n{log.read_text()}")
    assert "Traceback" not in log.read_text()
