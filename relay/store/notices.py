"""What all workers should hear at once: one stream, which each of them waits on.

A connection was changed; somebody wants a new socket for it, or wants something said on it (`Wish`); a webhook has
answered what Slack waits for; a worker came or went.
"""

import json
from collections.abc import Mapping
from secrets import token_hex
from time import monotonic, time
from typing import cast

from msgspec import Struct, field

from relay.core.ids import ConnectionId, EventId
from relay.core.webhook import Json
from relay.store.client import BLOCK_S, GLOBAL, Client
from relay.store.errors import translated
from relay.store.keys import Keys
from relay.store.reply import entries, rows

FIRST = "0-0"
"""Before the first notice."""

KEPT = 10_000
ANSWER_S = 10
"""How long an answer waits for the one who asked."""
CLAIM_S = 60


class Wish(Struct, frozen=True, kw_only=True):
    """Something to be said on a connection: `frame` is RTM's, without its id."""

    id: str
    connection: ConnectionId
    frame: Mapping[str, Json]
    until: float  # Unix seconds after which nobody waits for the answer any more


class News(Struct, frozen=True, kw_only=True):
    """What came up to `position`."""

    position: str
    changed: frozenset[ConnectionId] = frozenset()
    renew: frozenset[ConnectionId] = frozenset()
    wishes: tuple[Wish, ...] = ()
    answers: Mapping[EventId, bytes] = field(default_factory=dict)
    crew: bool = False


class Notices:
    __slots__ = ("_client", "_keys")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._keys = Keys(GLOBAL)

    def position(self) -> str:
        """The last one. Ask before reading the records, or a change in between goes unseen. Raises StoreAway."""
        with translated():
            newest = entries(self._client.redis.xrevrange(self._keys("notices"), count=1))
        return newest[0][0] if newest else FIRST

    def wait(self, after: str) -> News:
        """What came behind `after`; waits for it up to BLOCK_S seconds. Raises StoreAway."""
        answer = self._client.block(
            "XREAD", "COUNT", 1000, "BLOCK", int(BLOCK_S * 1000), "STREAMS", self._keys("notices"), after
        )
        streams = answer.values() if isinstance(answer, dict) else [rows(stream)[1] for stream in rows(answer)]
        found = [entry for stream in streams for entry in entries(stream)]
        kinds: dict[str, list[Mapping[bytes, bytes]]] = {}
        for _, fields in found:
            kinds.setdefault(fields[b"k"].decode(), []).append(fields)
        return News(
            position=found[-1][0] if found else after,
            changed=frozenset(ConnectionId(_of(fields)) for fields in kinds.get("changed", ())),
            renew=frozenset(ConnectionId(_of(fields)) for fields in kinds.get("renew", ())),
            wishes=tuple(_wish(fields) for fields in kinds.get("wish", ())),
            answers={EventId(_of(fields)): fields[b"b"] for fields in kinds.get("answer", ())},
            crew="crew" in kinds,
        )

    def ask_renewal(self, id: ConnectionId) -> None:
        """Let whoever holds it open a new socket. Raises StoreAway."""
        self._tell("renew", id)

    def ask(self, connection: ConnectionId, frame: Mapping[str, Json], *, within_s: float) -> Mapping[str, Json] | None:
        """Let whoever holds it say `frame`; its answer, or None if none came within `within_s`. Raises StoreAway."""
        id = token_hex(8)
        deadline = monotonic() + within_s
        self._tell("wish", connection, json.dumps({"id": id, "frame": dict(frame), "until": time() + within_s}))
        while (left_s := deadline - monotonic()) > 0:
            answer = rows(self._client.block("BLPOP", self._keys("granted", id), min(left_s, BLOCK_S)))
            if answer:
                return cast(Mapping[str, Json], json.loads(cast(bytes, answer[1])))
        return None

    def claim(self, wish: Wish) -> bool:
        """True for one worker only. Raises StoreAway."""
        with translated():
            return bool(self._client.redis.set(self._keys("claimed", wish.id), 1, ex=CLAIM_S, nx=True))

    def grant(self, wish: Wish, answer: Mapping[str, Json]) -> None:
        """What came of it. Raises StoreAway."""
        name = self._keys("granted", wish.id)
        with translated(), self._client.redis.pipeline(transaction=True) as pipeline:
            pipeline.rpush(name, json.dumps(dict(answer)))
            pipeline.expire(name, ANSWER_S)
            pipeline.execute()

    def answer(self, event: EventId, body: bytes) -> bool:
        """A webhook's answer to a slash command or an interaction, for its acknowledgement; False: another was first.

        Slack waits for three seconds. Raises StoreAway.
        """
        with translated():
            if not self._client.redis.set(self._keys("claimed", event), 1, ex=CLAIM_S, nx=True):
                return False
        self._tell("answer", event, body)
        return True

    def _tell(self, kind: str, of: str, body: str | bytes = b"") -> None:
        with translated():
            self._client.redis.xadd(
                self._keys("notices"), {"k": kind, "o": of, "b": body}, maxlen=KEPT, approximate=True
            )


def _of(fields: Mapping[bytes, bytes]) -> str:
    return fields[b"o"].decode()


def _wish(fields: Mapping[bytes, bytes]) -> Wish:
    told = json.loads(fields[b"b"])
    return Wish(id=told["id"], connection=ConnectionId(_of(fields)), frame=told["frame"], until=told["until"])
