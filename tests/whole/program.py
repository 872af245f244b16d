"""The program as a process: started with an environment, watched by its log lines, ended by signals."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import gevent
from gevent.subprocess import PIPE, Popen

from relay.core.webhook import Json
from tests.waiting import PATIENCE_S, until

KEPT = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")
ADMIN_TOKEN = "the-admin-token"


class Program:
    """`with Program("serve", env) as program: … program.address`. Its JSON log lines are `facts`, everything it says
    is `said`.
    """

    def __init__(self, command: str, env: Mapping[str, str]) -> None:
        self._arguments = [sys.executable, "-m", "relay", *command.split()]
        self._env = {name: os.environ[name] for name in KEPT if name in os.environ}
        self._env |= {"RELAY_ADMIN_TOKEN": ADMIN_TOKEN, "RELAY_LOG_FORMAT": "json", "PORT": "0", "HOST": "127.0.0.1"}
        self._env |= {"RELAY_ALLOWED_NETWORKS": "127.0.0.0/8", **env}
        self.said: list[str] = []
        self.facts: list[dict[str, Json]] = []
        self._process: Popen[str] | None = None
        self._reader: gevent.Greenlet[[], None] | None = None

    def __enter__(self) -> Self:
        self._process = Popen(self._arguments, env=self._env, stdout=PIPE, stderr=subprocess.STDOUT, text=True)
        self._reader = gevent.spawn(self._read)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.running.poll() is None:
            self.running.kill()
        self.running.wait()
        assert self._reader is not None
        self._reader.join(timeout=5)
        assert self.running.stdout is not None
        self.running.stdout.close()

    @property
    def running(self) -> "Popen[str]":
        assert self._process is not None
        return self._process

    @property
    def address(self) -> str:
        """Of the API, once it listens."""
        return str(self.fact("started")["address"])

    def fact(self, name: str, within_s: float = PATIENCE_S, **fields: Json) -> dict[str, Json]:
        """The first log line of that fact with those fields, once it is there."""
        return until(lambda: self._find(name, fields), within_s, saying=f"{name} {fields} is logged; said: {self.said}")

    def end(self, number: signal.Signals = signal.SIGTERM, within_s: float = PATIENCE_S) -> int:
        """Its exit status after a signal."""
        self.running.send_signal(number)
        return int(self.running.wait(within_s))

    def _find(self, name: str, fields: Mapping[str, Json]) -> dict[str, Json] | None:
        ended = self.running.poll()
        for fact in self.facts:
            if fact["fact"] == name and fields.items() <= fact.items():
                return fact
        assert ended is None, f"it ended with {ended}; said: {self.said}"
        return None

    def _read(self) -> None:
        assert self.running.stdout is not None
        for line in self.running.stdout:
            self.said.append(line.rstrip())
            if line.startswith("{"):
                self.facts.append(json.loads(line))
