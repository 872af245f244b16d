"""Redis' clock, set back or forward by as much as a test likes.

A process can't set the machine's clock for another one. So it is the past that is moved: each time that is kept in
Redis becomes what it would be, had the clock been ahead (or behind) until this moment.
"""

import redis

from relay.store.reply import fields, integer, rows, text

IN_MS = ("leases", "reply_turns", "due", "tray", "later", "workers")
OF_A_GATE = ("pause", "paused", "tat", "since")  # ms, 0 for never


def set_back(client: "redis.Redis", by_s: float) -> None:
    """Forward, if `by_s` is negative."""
    by_ms = int(by_s * 1000)
    for name in map(text, client.scan_iter("relay:*", count=10_000)):
        match name.split(":")[2]:
            case kind if kind in IN_MS:
                _move(client, name, by_ms)
            case "turns":
                _move(client, name, by_ms * 1000)
            case "delivery":
                _move_fields(client, name, ("d", "t"), by_ms)
            case "gate":
                _move_fields(client, name, OF_A_GATE, by_ms)
            case "sequence":
                client.set(name, integer(client.get(name)) + by_ms * 1000)
            case "turn":
                client.set(name, " ".join(str(int(at) + by_ms) for at in text(client.get(name)).split()))


def _move(client: "redis.Redis", name: str, by: int) -> None:
    for member in map(text, rows(client.zrange(name, 0, -1))):
        client.zincrby(name, by, member)


def _move_fields(client: "redis.Redis", name: str, moved: tuple[str, ...], by: int) -> None:
    known = fields(client.hgetall(name))
    for field in moved:
        if float(known.get(field, 0)):
            client.hset(name, field, f"{float(known[field]) + by:.0f}")
