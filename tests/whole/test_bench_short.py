"""The benchmark runs, and what it measures is true: all that was sent has come, once, signed well."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import missing
from tests.witnesses import installed

ROOT = Path(__file__).parents[2]
FIGURES = (
    "the limit", "deliveries, fan-out 1", "deliveries, fan-out 10", "deliveries, fan-out 100",
    "events that nobody wants", "the limit over TLS", "deliveries over TLS, fan-out 1",
    "deliveries over TLS, fan-out 10", "deliveries over TLS, fan-out 100", "the Python script",
    "ahead of the Python script", "the Node script", "ahead of the Node script", "a backlog drains",
    "latency p50", "latency p99", "latency p99.9", "latency p50, 10 % slow endpoints",
    "latency p50, one dead endpoint", "latency p50, a restart of Redis", "start to ready",
    "Redis commands a second, idle", "CPU, idle", "memory, idle", "memory per connection",
)  # fmt: skip

SUBJECTS = ("throughput", "burst", "backlog", "latency", "memory", "footprint", "steps", "accounts")
"""The others take long even in short, and are made of the same parts."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def table() -> dict[str, str]:
    """Figure → its row."""
    if not any(Path(folder, "nginx").exists() for folder in ("/usr/sbin", "/usr/local/sbin", "/usr/bin")):
        missing("nginx")
    if not Path("/proc/self/stat").exists():
        missing("proc(5)")
    installed()
    words = [sys.executable, "-m", "benchmarks", "--short", *(f"--only={subject}" for subject in SUBJECTS)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = re.findall(r"^\| ([^|]+) \|(.*)\|$", done.stdout, re.MULTILINE)
    return {name.strip(): rest for name, rest in rows}


def test_each_figure_is_in_the_table(table: dict[str, str]) -> None:
    assert set(FIGURES) <= set(table)


def test_nothing_is_lost_doubled_or_badly_signed_unless_redis_is_restarted(table: dict[str, str]) -> None:
    truths = {name: row for name, row in table.items() if name.startswith("latency")}
    assert all("0 badly signed" in row for row in truths.values())
    assert all("0 twice" in row for name, row in truths.items() if "restart" not in name)
