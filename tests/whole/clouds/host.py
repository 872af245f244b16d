"""A page's functions, taken out of docs/receivers as they stand, and a process that runs them."""

import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import gevent
from gevent.subprocess import PIPE, Popen

from tests.house.rooms import ROOT
from tests.waiting import until
from tests.whole.program import KEPT

RECEIVERS = ROOT / "docs/receivers"

SQS = """
exports.SQSClient = class { send(command) { return globalThis.clouds.sendMessage(command); } };
exports.SendMessageCommand = class { constructor(message) { Object.assign(this, message); } };
"""
VERCEL = "export const waitUntil = (promise) => globalThis.clouds.waitUntil(promise);"


def files(page: Path) -> list[tuple[str, str]]:
    """The files that a page shows, by name."""
    return re.findall(r"```\w+ file=(\S+)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def unpack(folder: Path) -> None:
    """Each page's files into a folder of the page's name."""
    for page in RECEIVERS.glob("*.md"):
        for name, text in files(page):
            (folder / page.stem).mkdir(exist_ok=True)
            (folder / page.stem / name).write_text(text, encoding="utf-8")


def furnish(folder: Path, slacks_own: Path) -> None:
    """What `require` and `import` find on the platforms: stand-ins, and Slack's own Bolt."""
    for name, text in {"@aws-sdk/client-sqs/index.js": SQS, "@vercel/functions/index.mjs": VERCEL}.items():
        place = folder / "node_modules" / name
        place.parent.mkdir(parents=True)
        place.write_text(text)
    (folder / "node_modules/@vercel/functions/package.json").write_text('{"main": "index.mjs"}')
    (folder / "node_modules/@slack").symlink_to(slacks_own)
    for page in ("vercel", "cloudflare-workers"):
        (folder / page / "package.json").write_text('{"type": "module"}')


class Host:
    """`with Host(["node", …], env) as host: … host.url("worker"), host.worked["worker"]`."""

    def __init__(self, command: list[str], env: Mapping[str, str]) -> None:
        self._command = command
        self._env = {name: os.environ[name] for name in KEPT if name in os.environ} | dict(env)
        self.said: list[str] = []
        self.worked: dict[str, Counter[str]] = {}
        self.port = 0

    def __enter__(self) -> Self:
        self._running = Popen(self._command, env=self._env, stdout=PIPE, stderr=subprocess.STDOUT, text=True)
        self._reader = gevent.spawn(self._read)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.kill()
        self._running.wait()
        self._reader.join(timeout=5)
        assert self._running.stdout is not None
        self._running.stdout.close()

    def url(self, place: str) -> str:
        until(lambda: self.port or self._running.poll() is not None)
        assert self.port, self.said
        return f"http://127.0.0.1:{self.port}/{place}"

    def _read(self) -> None:
        assert self._running.stdout is not None
        for line in self._running.stdout:
            self.said.append(line.rstrip())
            said = json.loads(line) if line.startswith("{") else {}
            self.port = said.get("port", self.port)
            if "worked" in said:
                self.worked.setdefault(said["place"], Counter())[said["worked"]] += 1
