"""What holds up a whole process is told, and where it stands."""

import subprocess
import sys
from time import monotonic

import gevent

from relay.core import metrics
from relay.core.tally import Tally
from relay.report import Counting, Fact
from relay.service.stall import Stalled, StallWatch
from tests.waiting import until

ENDLESS = """
from gevent import monkey
monkey.patch_all()
import sys, gevent
import relay.service.stall as stall
stall.ENDLESS_S = 0.2
watch = stall.StallWatch(print)
watch.start()
gevent.idle()  # it sleeps now

def computes_without_a_pause():
    while True:
        pass

computes_without_a_pause()
"""


def test_a_computation_without_a_pause_is_told_when_it_is_over() -> None:
    facts: list[Fact] = []
    tally = Tally()
    watch = StallWatch(Counting(facts.append, tally), every_s=0.01, late_s=0.1)
    watch.start()
    try:
        gevent.idle()  # it sleeps now
        end = monotonic() + 0.25
        while monotonic() < end:
            pass
        (stalled,) = until(lambda: facts)
    finally:
        watch.stop()
    assert isinstance(stalled, Stalled)
    assert stalled.stalled_s > 0.1
    assert (
        sum(by for series, by in tally.take().items() if series[0] == metrics.STALL_S.name and "sum" not in series) == 1
    )


def test_one_that_never_ends_shows_where_it_is() -> None:
    with subprocess.Popen([sys.executable, "-c", ENDLESS], stderr=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        said = [program.stderr.readline() for _ in range(3)]
        program.kill()
    assert any("computes_without_a_pause" in line for line in said), said
