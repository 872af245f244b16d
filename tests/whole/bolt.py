"""The Bolt app of bolt_app.py as a process: what its listeners hear, and where it is to be posted to."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gevent
from gevent.subprocess import PIPE, Popen

from tests.waiting import until

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"


@dataclass(frozen=True, slots=True)
class Bolt:
    url: str
    heard: list[str]  # the lines that it prints


@contextmanager
def bolt_app(api_url: str) -> Iterator[Bolt]:
    """With SECRET as its signing secret, and the Web API there."""
    app = Path(__file__).with_name("bolt_app.py")
    bolt = Popen([sys.executable, str(app), SECRET, api_url], stdout=PIPE, stderr=subprocess.DEVNULL, text=True)
    assert bolt.stdout is not None
    heard: list[str] = []
    reader = gevent.spawn(heard.extend, iter(bolt.stdout.readline, ""))
    try:
        port = until(lambda: heard and heard[0].split()[1])
        yield Bolt(f"http://127.0.0.1:{port}/slack/events", heard)
    finally:
        bolt.kill()
        bolt.wait()
        reader.join(timeout=5)
        bolt.stdout.close()
