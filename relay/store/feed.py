"""The feed: events and outcomes of one shard as they come, and those that came before, for whoever watches."""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from relay.core.errors import RelayError
from relay.core.ids import EventId
from relay.store.client import BLOCK_S, Client
from relay.store.errors import translated
from relay.store.journal import ECHO
from relay.store.keys import Keys
from relay.store.reply import entries, rows, text

START = "0-0"
_POSITION = re.compile(r"\d{1,15}-\d{1,10}", re.ASCII)
_SHARD = re.compile(r"\d{0,4}", re.ASCII)

SKEW_MS = 5000
"""The clocks of two shards' Redis, and how far their readers are, may differ by so much."""


class BadCursor(RelayError):
    """It is none that a feed gave."""


class Place(Struct, frozen=True, kw_only=True):
    """How far somebody has seen: the last event, the last outcome of a shard."""

    events: str = START
    outcomes: str = START
    shard: int = 0

    def __str__(self) -> str:
        return f"{self.events}.{self.outcomes}" + (f".{self.shard}" if self.shard else "")

    @property
    def newest(self) -> tuple[int, int]:
        """By time, to compare places of all shards."""
        return max(_order(self.events), _order(self.outcomes))

    def on(self, shard: int) -> "Place":
        """The same time on another shard, or somewhat before it: nothing is missed, little is told twice."""
        if shard == self.shard:
            return self
        start = f"{max(0, self.newest[0] - SKEW_MS)}-0"
        return Place(events=start, outcomes=start, shard=shard)

    @classmethod
    def read(cls, cursor: str) -> "Place":
        """Raises BadCursor."""
        events, _, rest = cursor.partition(".")
        outcomes, _, shard = rest.partition(".")
        if not (_POSITION.fullmatch(events) and _POSITION.fullmatch(outcomes) and _SHARD.fullmatch(shard)):
            raise BadCursor("this is not a cursor of the stream")
        return cls(events=events, outcomes=outcomes, shard=int(shard or 0))


class Happening(Struct, frozen=True, kw_only=True):
    """Something came; `place` is behind it: an event's id, or an outcome's JSON; neither, where an event came again by
    another connection.
    """

    place: Place
    event: EventId | None = None
    outcome: bytes = b""


class Feed:
    """One shard's."""

    __slots__ = ("_client", "_journal", "_outcomes", "_shard")

    def __init__(self, client: Client, shard: int = 0) -> None:
        keys = Keys(shard)
        self._client = client
        self._shard = shard
        self._journal, self._outcomes = keys("journal"), keys("outcomes")

    def now(self) -> Place:
        """The place behind all that has come. Raises StoreAway."""
        with translated():
            newest = [
                entries(self._client.redis.xrevrange(stream, count=1)) for stream in (self._journal, self._outcomes)
            ]
        events, outcomes = (found[0][0] if found else START for found in newest)
        return Place(events=events, outcomes=outcomes, shard=self._shard)

    def wait(self, after: Place, limit: int) -> list[Happening]:
        """What came behind `after`, at most `limit` of each kind; waits for it up to BLOCK_S. Raises StoreAway."""
        block = ("BLOCK", int(BLOCK_S * 1000))
        streams = (self._journal, self._outcomes, after.events, after.outcomes)
        answer = self._client.block("XREAD", "COUNT", limit, *block, "STREAMS", *streams)
        return self._told(after, _by_stream(answer))

    def between(self, after: Place, until: Place, limit: int) -> list[Happening]:
        """What came behind `after`, and not behind `until`; at most `limit` of each kind. Raises StoreAway."""
        with translated():
            found = {
                self._journal: self._client.redis.xrange(self._journal, f"({after.events}", until.events, limit),
                self._outcomes: self._client.redis.xrange(self._outcomes, f"({after.outcomes}", until.outcomes, limit),
            }
        return self._told(after, found)

    def _told(self, place: Place, found: Mapping[str, object]) -> list[Happening]:
        """In the order of their coming; each place is behind everything before it."""
        events = [(_order(id), id, fields) for id, fields in entries(found.get(self._journal))]
        outcomes = [(_order(id), id, fields) for id, fields in entries(found.get(self._outcomes))]
        told: list[Happening] = []
        for _, id, fields in sorted(events + outcomes, key=lambda one: one[0]):
            if b"o" in fields:
                place = replace(place, outcomes=id)
                told.append(Happening(place=place, outcome=fields[b"o"]))
            else:
                place = replace(place, events=id)
                event = fields[b"e"].decode()
                told.append(Happening(place=place, event=None if event.startswith(ECHO) else EventId(event)))
        return told


def _by_stream(answer: object) -> Mapping[str, object]:
    if isinstance(answer, dict):
        return {text(name): stream for name, stream in answer.items()}
    pairs: list[Sequence[object]] = [rows(pair) for pair in rows(answer)]
    return {text(pair[0]): pair[1] for pair in pairs}


def _order(id: str) -> tuple[int, int]:
    millisecond, _, number = id.partition("-")
    return int(millisecond), int(number)
