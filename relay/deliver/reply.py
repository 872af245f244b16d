"""What endpoints answer is said in Slack: in each channel one a second, in the order of the answers.

A worker that ends between Slack's yes and our writing it down leaves the reply to be said once more: that is the one
gap, as between a POST and its settlement.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from time import monotonic, time
from typing import assert_never

from gevent.event import Event
from msgspec import Struct

from relay.core.reply import Never, NotNow, Reply, Said
from relay.loops import once
from relay.report import ReplySaid, ReplyUnsaid, Reporter
from relay.store.client import BLOCK_S
from relay.store.replies import Replies, Taken

PACE_S = 1.0
"""Slack takes about one message a second in a channel (chat.postMessage, "Rate limiting")."""

AT_ONCE = 8
"""Channels in which we speak at a time."""

GOOD_FOR_S = 3600.0
"""An answer that could not be said for so long is not said any more."""

AGAIN_S = 5.0
"""After an error that nobody expected."""

LOOK_S = 30.0
"""How often it is looked for what nobody rang for: its worker has died."""

Post = Callable[[Reply], Said | NotNow | Never]
"""Says it in Slack. Takes as long as it takes; never raises."""


class Finished(Struct, frozen=True, kw_only=True):
    """What became of one, to be written down."""

    taken: Taken
    over: bool
    wait_s: float = PACE_S


class Replier:
    """One shard's. `take` and `finish` are loops': see relay/loops.py."""

    def __init__(self, replies: Replies, post: Post, report: Reporter) -> None:
        self._replies = replies
        self._post = post
        self._report = report
        self._look_at = monotonic()
        self._finished: deque[Finished] = deque()
        self._something = Event()  # has been said
        self._room = Event()  # for more to say
        self._closing = False
        self.speaking = 0
        """Taken, and not yet written down."""

    def take(self) -> None:
        """Wait for something to say, a few seconds at most, and begin to say it. Raises StoreAway."""
        if self._closing or self.speaking >= AT_ONCE:
            self._room.clear()  # to wait for what has happened already would let nobody else run
            self._room.wait(BLOCK_S)
            return
        wait_s = self._look_at - monotonic()
        if wait_s > 0 and not self._replies.wait(wait_s) and monotonic() < self._look_at:
            return
        taken = self._replies.take()
        self._look_at = monotonic()
        if isinstance(taken, Taken):
            self.speaking += 1
            once("reply", partial(self._speak, taken), self._report)
        else:
            self._look_at += LOOK_S if taken is None else min(taken, LOOK_S)

    def finish(self) -> None:
        """Wait for what was said, a few seconds at most, and write it down. Raises StoreAway: it is kept for the next
        turn.
        """
        if not self._finished:
            self._something.clear()
            self._something.wait(BLOCK_S)
            return
        first = self._finished[0]
        self._replies.finish(first.taken, over=first.over, wait_s=first.wait_s)
        self._finished.popleft()
        self.speaking -= 1
        self._room.set()

    def stop_taking(self) -> None:
        """Begin nothing more; what is being said is said to its end."""
        self._closing = True

    def _speak(self, taken: Taken) -> None:
        finished = Finished(taken=taken, over=False, wait_s=AGAIN_S)
        try:
            finished = self._say(taken)
        finally:
            self._finished.append(finished)
            self._something.set()

    def _say(self, taken: Taken) -> Finished:
        reply = taken.reply
        if reply is None:
            return self._give_up(taken, "it cannot be read")
        if time() - reply.at > GOOD_FOR_S:
            return self._give_up(taken, "it could not be said for too long")
        match self._post(reply):
            case Said():
                self._report(ReplySaid(delivery=taken.delivery, connection=reply.connection, channel=reply.channel))
                return Finished(taken=taken, over=True)
            case NotNow(wait_s=wait_s):
                return Finished(taken=taken, over=False, wait_s=wait_s)
            case Never(why=why):
                return self._give_up(taken, why)
            case _ as never:
                assert_never(never)

    def _give_up(self, taken: Taken, why: str) -> Finished:
        self._report(ReplyUnsaid(delivery=taken.delivery, place=taken.place, why=why))
        return Finished(taken=taken, over=True, wait_s=0.0)
