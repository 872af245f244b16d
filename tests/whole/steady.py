"""People who talk at a steady rate, and a count of what arrived: what was lost, what came twice."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic, time
from types import TracebackType
from typing import Self

import gevent

from relay.core import json_text
from relay.simulator.slack import SimulatedSlack
from tests.receivers import Got


class Talk:
    """`with Talk(slack, rate=100) as talk: …`: numbered messages, while the block runs."""

    def __init__(self, slack: SimulatedSlack, *, rate: float) -> None:
        self._slack = slack
        self._rate = rate
        self._greenlet: gevent.Greenlet[[], None] | None = None
        self.said = 0

    def __enter__(self) -> Self:
        self._greenlet = gevent.spawn(self._talk)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()

    def _talk(self) -> None:
        began = monotonic()
        channel, user = self._slack.workspace.channels[0].id, self._slack.workspace.people[0].id
        while True:
            while self.said < (monotonic() - began) * self._rate:
                ts = self._slack.stamps.next(time())
                self._slack.emit(
                    {"type": "message", "channel": channel, "user": user, "text": f"number {self.said}", "ts": ts}
                )
                self.said += 1
            gevent.sleep(1 / self._rate)


@dataclass(frozen=True, slots=True)
class Tally:
    """Of what was said: how many never came, and how many callbacks were one too many."""

    said: int
    lost: int
    doubled: int


def tally(said: int, got: Iterable[Got]) -> Tally:
    """`got`: the callbacks of one webhook."""
    came = Counter(text_of(one) for one in got)
    arrived = sum(f"number {number}" in came for number in range(said))
    return Tally(said=said, lost=said - arrived, doubled=came.total() - len(came))


def text_of(got: Got) -> str:
    envelope = json_text.read(got.body)
    assert isinstance(envelope, dict)
    event = envelope["event"]
    assert isinstance(event, dict)
    return str(event["text"])
