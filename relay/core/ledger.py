"""The ledger: where every delivery that ought to be is now. Its columns always close."""

from msgspec import Struct
from msgspec.structs import asdict


class Ledger(Struct, frozen=True, kw_only=True):
    """Counted in deliveries: an event counts once for each webhook that it is put before.

    `received == filtered + delivered + outstanding + held + dead`, of one webhook and of all. What was cancelled is
    among the dead, and shown beside them. Settled columns are totals: they go on counting when the records' retention
    has ended.
    """

    received: int = 0  # events, for each webhook that lived when they were fanned out; what replays and echoes brought
    filtered: int = 0  # of these, what the webhook did not want
    delivered: int = 0
    outstanding: int = 0  # pending, sending or retrying
    held: int = 0
    dead: int = 0  # given up, or cancelled
    cancelled: int = 0  # of the dead
    events: int = 0  # fanned out, whatever came of them

    def __add__(self, other: "Ledger") -> "Ledger":
        """Of two shards together."""
        others = asdict(other)
        return Ledger(**{name: count + others[name] for name, count in asdict(self).items()})

    @property
    def closes(self) -> bool:
        return self.received == self.filtered + self.delivered + self.outstanding + self.held + self.dead
