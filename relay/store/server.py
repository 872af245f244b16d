"""What kind of Redis this is, for `relay doctor`: its version, whether it forgets, what it does when it is full, its
clock.
"""

from msgspec import Struct
from redis.exceptions import ResponseError

from relay.store.client import Client
from relay.store.errors import StoreAway, translated
from relay.store.reply import integer, rows, text

OLDEST = (6, 2)
"""Streams are trimmed by age and lists popped by number: Redis 6.2 or newer, or any Valkey."""


class Server(Struct, frozen=True, kw_only=True):
    version: str
    persistent: bool | None  # an append-only file or snapshots; None: it does not say (managed services hide CONFIG)
    eviction: str  # the policy; "" if it does not say
    clock: float  # Unix seconds
    memory_bytes: int
    limit_bytes: int  # 0: none

    @property
    def is_new_enough(self) -> bool:
        digits = self.version.split(".")[:2]
        return tuple(int(part) for part in digits if part.isdigit()) >= OLDEST


def look_at(client: Client) -> Server:
    """Raises StoreAway."""
    with translated():
        facts = {str(name): value for name, value in client.redis.info().items()}
        seconds, micros = (integer(part) for part in rows(client.redis.execute_command("TIME")))
    appends = bool(facts.get("aof_enabled"))
    snapshots = _setting(client, "save")
    return Server(
        version=str(facts.get("valkey_version") or facts.get("redis_version", "0")),
        persistent=True if appends else None if snapshots is None else bool(snapshots),
        eviction=str(facts.get("maxmemory_policy", "")),
        clock=seconds + micros / 1e6,
        memory_bytes=int(str(facts.get("used_memory", 0))),
        limit_bytes=int(str(facts.get("maxmemory", 0))),
    )


def _setting(client: Client, name: str) -> str | None:
    """CONFIG GET; None where a managed service refuses it."""
    try:
        with translated():
            answer = client.redis.execute_command("CONFIG", "GET", name)
    except (StoreAway, ResponseError):  # "unknown command", "no permission": each service has its own words
        return None
    found = answer.get(name.encode()) if isinstance(answer, dict) else (rows(answer) or (None, None))[1]
    return None if found is None else text(found)
