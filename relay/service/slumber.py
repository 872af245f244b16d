"""A shard that nothing has come to sleeps: its loops ask Redis for nothing, but for a look now and then.

With many shards and few connections most are empty, and the loops of each would cost an idle process a command a
second. The first event wakes a shard: at once in the process that heard it, which does all the work until the others
look.
"""

from collections.abc import Callable
from time import monotonic

from gevent.event import Event

from relay.store.backlogs import Backlogs
from relay.store.client import BLOCK_S

LOOK_S = 30.0

Turn = Callable[[], None]


class Slumber:
    """One shard's, in this process. Once awake, it stays so."""

    def __init__(self, backlogs: Backlogs, *, shards: int) -> None:
        """Where there is but one shard it does not sleep."""
        self._backlogs = backlogs
        self._awake = Event()
        self._look_at = float("-inf")
        if shards == 1:
            self._awake.set()

    def __repr__(self) -> str:
        return f"<Slumber, {'over' if self._awake.is_set() else 'deep'}>"

    def end(self) -> None:
        self._awake.set()

    def awaited(self, turn: Turn) -> Turn:
        """A loop's turn that does `turn` if the shard is awake, and waits a few seconds for that if not. Raises
        StoreAway.
        """

        def awake_turn() -> None:
            if self._awake.is_set() or self._has_ended():
                turn()

        return awake_turn

    def _has_ended(self) -> bool:
        if monotonic() >= self._look_at:  # one of the shard's loops looks for all of them
            self._look_at = monotonic() + LOOK_S
            try:
                if self._backlogs.has_begun():
                    self._awake.set()
            except BaseException:
                self._look_at = float("-inf")
                raise
        return bool(self._awake.wait(min(BLOCK_S, max(0.0, self._look_at - monotonic()))))
