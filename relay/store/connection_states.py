"""How connections are doing: each worker says how its own socket is, and what that means together is decided in one
step."""

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import asdict

from relay.core.connection import ConnectionState, ConnectionStatus
from relay.core.ids import ConnectionId
from relay.core.standing import standing
from relay.store.client import GLOBAL, Client, Script
from relay.store.records import understood, write_record
from relay.store.reply import rows, text
from relay.store.workers import GOOD_FOR_MS


class Word(StrEnum):
    NOTHING = ""
    DEAF = "deaf"  # nobody hears Slack any more
    BACK = "back"  # it is heard again
    LATE = "late"  # the same, and nobody lived to say that it was deaf


class Turn(Struct, frozen=True, kw_only=True):
    """What a worker's word changed for the connection as a whole."""

    word: Word
    since: float  # Unix seconds: when the gap began
    gap_s: float


class Standing(Struct, frozen=True, kw_only=True):
    """What one worker says of its own socket."""

    view: ConnectionState | None  # None: it lets go
    hears: bool
    at: float  # Unix seconds: since when it hears, or when it last heard
    replaced: bool = False  # a socket took the place of another
    paused: bool = False  # its owner wants it so: no gap


class ConnectionStates:
    __slots__ = ("_client", "_read", "_stand")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stand = Script("stand", shard=False)
        self._read = Script("standings", shard=False)

    def say(self, id: ConnectionId, worker: str, says: Standing) -> Turn:
        """Nothing happens if the connection was removed meanwhile. Raises StoreAway."""
        view = write_record(asdict(says.view)) if says.view is not None else ""
        hears = "hears" if says.hears else "deaf"
        at = f"{says.at:.6f}"
        arguments = (id, worker, GOOD_FOR_MS, view, hears, at, int(says.replaced), int(says.paused))
        word, since, gap = map(text, rows(self._client.run(self._stand, GLOBAL, arguments)))
        return Turn(word=Word(word), since=float(since), gap_s=float(gap))

    def get(self, id: ConnectionId) -> ConnectionState | None:
        """None while no worker has taken it up. Raises StoreAway."""
        return self.of([id]).get(id)

    def of(self, ids: Iterable[ConnectionId]) -> dict[ConnectionId, ConnectionState]:
        """Those of `ids` that a worker has taken up. Raises StoreAway."""
        asked = list(ids)
        workers, hashes = self._ask(asked)
        found = ((id, _standing(fields, workers)) for id, fields in zip(asked, hashes, strict=True))
        return {id: state for id, state in found if state is not None}

    def heard_by(self, ids: Iterable[ConnectionId]) -> dict[ConnectionId, frozenset[str]]:
        """The workers that are there and hear Slack on each of these. Raises StoreAway."""
        asked = list(ids)
        workers, hashes = self._ask(asked)
        return {
            id: frozenset(worker for worker in workers if f"h:{worker}" in fields)
            for id, fields in zip(asked, hashes, strict=True)
        }

    def _ask(self, ids: Sequence[ConnectionId]) -> tuple[frozenset[str], list[Mapping[str, str]]]:
        if not ids:
            return frozenset(), []
        workers, *hashes = rows(self._client.run(self._read, GLOBAL, (GOOD_FOR_MS, *ids)))
        return frozenset(map(text, rows(workers))), [_fields(reply) for reply in hashes]


def _fields(reply: object) -> Mapping[str, str]:
    words = list(map(text, rows(reply)))
    return dict(zip(words[::2], words[1::2], strict=True))


def _standing(fields: Mapping[str, str], workers: Iterable[str]) -> ConnectionState | None:
    said = [fields[f"v:{worker}"] for worker in sorted(workers) if f"v:{worker}" in fields]
    if not said and "rest" in fields:
        said = [fields["rest"]]
    offline_s, reconnects = float(fields.get("offline", 0)), int(fields.get("reconnects", 0))
    return standing([_view(view) for view in said], offline_s=offline_s, reconnects=reconnects)


def _view(said: str) -> ConnectionState:
    fields = understood(json.loads(said), ConnectionState)
    fields["status"] = ConnectionStatus(fields["status"])
    return ConnectionState(**fields)
