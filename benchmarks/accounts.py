"""`relay serve` whose CPU time is put on accounts: `python -m benchmarks.accounts FILE`.

The accounts are a handful of functions that each do something for many deliveries at a time: whoever is in one pays
for it, less what those called from there pay. Each greenlet has its own, and what is in none is gevent's. The clock is
the kernel's, of this thread alone: what others do meanwhile is not in it. On SIGUSR1 it writes down, in JSON, the
microseconds that each account has spent so far.
"""

from relay.__main__ import main as relay  # isort: skip  # gevent patches first

import json
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from time import thread_time
from typing import TypeVar

import gevent
from greenlet import getcurrent, greenlet, settrace

from relay.cli.log import Report
from relay.core.rtm_envelopes import RtmEnvelopes
from relay.core.rtm_session import RtmSession
from relay.deliver.pump import Pump
from relay.deliver.worker import Worker
from relay.fanout import FanOut
from relay.report import Counting
from relay.slack.frames import Frames
from relay.slack.inbox import Inbox
from relay.slack.line import Line
from relay.slack.rtm import RtmReader
from relay.slack.wire import Wire
from relay.store.client import Client
from relay.store.deliveries import Deliveries
from relay.store.journal import Journal

ACCOUNTS: dict[str, tuple[tuple[type, str], ...]] = {
    "the socket to Slack, and what was read is let go": ((Line, "_listen"), (Wire, "receive"), (Frames, "take")),
    "frames are read": ((RtmSession, "receive"),),
    "events get their ids": ((RtmEnvelopes, "ids"),),
    "events become envelopes": ((RtmReader, "take"), (RtmEnvelopes, "make_plain")),
    "they are matched, and kept in mind": ((Inbox, "_turn"), (FanOut, "append"), (FanOut, "turn")),
    "what Redis is told is written, what it says is read": (
        (Journal, "pass_on"), (Journal, "append"), (Deliveries, "settle"), (Deliveries, "settle_and_claim"),
        (Deliveries, "claim"),
    ),
    "the way to Redis and back": ((Client, "run"), (Client, "block")),
    "callbacks are written, signed and sent": ((Worker, "_begin_all"),),
    "answers are heard": ((Pump, "_turn"),),
    "outcomes are judged": ((Worker, "_conclude_all"),),
    "they are settled": ((Worker, "settle"),),
    "they are counted": ((Counting, "together"),),
    "they are logged": ((Report, "together"), (Report, "flush")),
}  # fmt: skip
NOBODYS = "gevent, and what is in none of these"

Returned = TypeVar("Returned")


class Books:
    """Who pays now, and what each has paid."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter(dict.fromkeys((*ACCOUNTS, NOBODYS), 0))  # nanoseconds
        self._open: defaultdict[greenlet, list[str]] = defaultdict(list)  # of each greenlet, the innermost last
        self._payer = NOBODYS
        self._paid_until = thread_time()

    def charge(self, payer: str) -> None:
        """What was spent since is whoever's it was; from here on `payer` pays."""
        now = thread_time()
        self.spent[self._payer] += int((now - self._paid_until) * 1e9)
        self._payer, self._paid_until = payer, now

    def switched(self, _event: str, between: tuple[greenlet, greenlet]) -> None:
        """For greenlet.settrace."""
        self.charge(self._payer_of(between[1]))

    def on(self, account: str, work: Callable[..., Returned]) -> Callable[..., Returned]:
        """`work`, at the account's cost."""

        def charged(*args: object, **named: object) -> Returned:
            me = getcurrent()
            self._open[me].append(account)
            self.charge(account)
            try:
                return work(*args, **named)
            finally:
                self._open[me].pop()
                self.charge(self._payer_of(me))

        return charged

    def _payer_of(self, one: greenlet) -> str:
        return self._open[one][-1] if self._open.get(one) else NOBODYS


def main() -> None:
    books, file = Books(), Path(sys.argv[1])
    for account, functions in ACCOUNTS.items():
        for owner, name in functions:
            setattr(owner, name, books.on(account, getattr(owner, name)))

    def write() -> None:
        books.charge(NOBODYS)
        unready = file.with_suffix(".unready")
        unready.write_text(json.dumps({account: spent // 1000 for account, spent in books.spent.items()}))
        unready.rename(file)

    gevent.signal_handler(signal.SIGUSR1, write)
    settrace(books.switched)
    sys.argv[1:] = ["serve"]
    relay()


if __name__ == "__main__":
    main()
