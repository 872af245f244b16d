"""`relay worker --processes N`: a parent that keeps its workers."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from relay.simulator.options import BOT_TOKEN, SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from tests.waiting import until
from tests.whole.program import Program


@pytest.fixture
def crew(redis_url: str) -> Iterator[Program]:
    with SimulatedSlack(SimulatorOptions()) as slack:
        env = {"SLACK_API_URL": slack.api_url, "SLACK_BOT_TOKEN": BOT_TOKEN, "REDIS_URL": redis_url}
        with Program("worker --processes 2", env) as crew:
            yield crew


def workers_of(crew: Program) -> list[int]:
    children = Path(f"/proc/{crew.running.pid}/task/{crew.running.pid}/children").read_text(encoding="ascii").split()
    return [int(pid) for pid in children]


def started(crew: Program) -> int:
    return sum(fact["fact"] == "started" for fact in crew.facts)


def alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return False


def test_a_worker_that_is_killed_is_started_again(crew: Program) -> None:
    until(lambda: started(crew) == 2)
    killed = workers_of(crew)[0]
    os.kill(killed, signal.SIGKILL)
    assert crew.fact("worker_ended", pid=killed)["status"] == -9
    until(lambda: started(crew) == 3)
    assert killed not in workers_of(crew)
    assert len(workers_of(crew)) == 2


def test_a_signal_to_the_parent_ends_all_in_order(crew: Program) -> None:
    until(lambda: started(crew) == 2)
    assert crew.end() == 0
    assert sum(fact["fact"] == "stopped" for fact in crew.facts) == 3


def test_a_signal_to_the_parent_and_to_all_workers_ends_all_in_order_too(crew: Program) -> None:
    """As platforms do it, which know nothing of parents."""
    until(lambda: started(crew) == 2, 20)
    workers = workers_of(crew)
    crew.running.send_signal(signal.SIGTERM)
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
    assert crew.running.wait(20) == 0
    assert sum(fact["fact"] == "stopped" for fact in crew.facts) == 3


def test_a_killed_parent_takes_its_workers_with_it(crew: Program) -> None:
    until(lambda: started(crew) == 2)
    pids = workers_of(crew)
    crew.end(signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in pids), saying="the workers are gone")
