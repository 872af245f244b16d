"""A write that a kill of Redis tore in two.

What a script changes is one transaction in Redis' append-only file. If Redis is killed while it writes that, the next
one cuts the file behind the last whole *command*, not ahead of the transaction (7.0: `loadSingleAppendOnlyFile`). The
half that is left is not done then, but a second crash would bring it to life, together with what was written behind it:
deliveries that nobody counted. So a file that was cut is written anew before anything follows.
"""

import time
from contextlib import suppress

import redis

CUT = "Truncating the AOF"
WITHIN_S = 60.0
LOOK_S = 0.005


def mend(client: redis.Redis, said: str) -> None:
    """Waits until the file is whole, a minute at most. `said`: the server's log since it was started. Raises
    redis-py's errors.
    """
    if CUT not in said:
        return
    with suppress(redis.ResponseError):  # it does so already
        client.bgrewriteaof()
    deadline = time.monotonic() + WITHIN_S
    while _writes(client) and time.monotonic() < deadline:
        time.sleep(LOOK_S)


def _writes(client: redis.Redis) -> bool:
    known = client.info("persistence")
    return bool(known["aof_rewrite_in_progress"] or known["aof_rewrite_scheduled"])
