"""The audit list: who changed what, when, from where. The newest MOST changes are kept."""

from msgspec import Struct

from relay.store.client import GLOBAL, Client
from relay.store.errors import translated
from relay.store.keys import Keys
from relay.store.reply import entries

MOST = 100_000


class Act(Struct, frozen=True, kw_only=True):
    """One change that somebody made through the API."""

    who: str  # a key's id, or a closed word
    what: str  # the operation, as OpenAPI names it
    target: str = ""  # the id of what was changed
    fields: tuple[str, ...] = ()  # which of its fields
    address: str = ""


class Acted(Struct, frozen=True, kw_only=True):
    """An act, and when it was (Unix seconds); `position` is its place in the list."""

    act: Act
    at: float
    position: str


class Audit:
    __slots__ = ("_client", "_key")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._key = Keys(GLOBAL)("audit")

    def add(self, act: Act) -> None:
        """Raises StoreAway."""
        with translated():
            self._client.redis.xadd(
                self._key,
                {"w": act.who, "o": act.what, "t": act.target, "f": ",".join(act.fields), "a": act.address},
                maxlen=MOST,
                approximate=True,
            )

    def newest(self, before: str, limit: int) -> list[Acted]:
        """From `before` ("+" for the end, exclusive with a leading "(") backwards. Raises StoreAway."""
        with translated():
            found = entries(self._client.redis.xrevrange(self._key, before, "-", limit))
        return [
            Acted(
                act=Act(
                    who=row[b"w"].decode(),
                    what=row[b"o"].decode(),
                    target=row[b"t"].decode(),
                    fields=tuple(filter(None, row[b"f"].decode().split(","))),
                    address=row[b"a"].decode(),
                ),
                at=int(position.partition("-")[0]) / 1000,
                position=position,
            )
            for position, row in found
        ]
