"""The way to Redis: two clients of it, and the scripts.

Writes are never repeated by the client: an answer that was lost says nothing about the write, and each of our
scripts finds out by itself
whether it was done before. Blocking reads have a client of their own, because their answers may take as long as they
ask for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from importlib.resources import files
from time import perf_counter

import msgspec
from redis.exceptions import NoScriptError

from relay.core.delivery import OUTSTANDING, TRANSITIONS, State
from relay.core.ids import ALPHABET
from relay.store.connect import Connector
from relay.store.errors import translated
from relay.store.keys import GLOBAL_KEYS, GLOBAL_TAG, SHARD_KEYS, Keys, lua
from relay.store.location import read_location
from relay.store.pool import exchange_with
from relay.store.records import VERSION, check_version
from relay.store.reply import integer, rows

Argument = str | bytes | int | float

BLOCK_S = 6.0
"""The longest that a blocking read waits: a loop turns at least this often, so that /readyz knows it is alive. An idle
process asks Redis what its loops ask in this time: tests/whole/test_shards.py counts it.
"""

LATE_S = 3.0
"""How much later the answer to a blocking read may come, before its server counts as gone."""

BLOCKED = 512
"""Connections for blocking reads: as many as loops and callers wait at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    url: str = field(repr=False)
    tls_verify: bool = True
    retention_s: float = 72 * 3600.0
    connections: int = 8  # to one server at most, made when wanted, for calls that don't block
    timeout_s: float = 3.0  # for one call


SHARED = ("prelude", "life", "due")
"""What every script of a shard has in front."""


IN_TURN = """
local answers, at = {}, 2
for place, step in ipairs(steps) do
  local count = tonumber(ARGV[at])
  answers[place] = step({retention, unpack(ARGV, at + 1, at + count)})
  at = at + 1 + count
end
return answers"""
"""Each step's arguments stand behind their number."""


class Script:
    """A Lua script with the names and tables it relies on in front, known to Redis by its hash. Of several names: their
    scripts as one, one after the other (`Client.run_in_turn`).
    """

    __slots__ = ("code", "name", "sha")

    def __init__(self, *names: str, shard: bool = True) -> None:
        self.name = "+".join(names)
        tables = [lua(SHARD_KEYS), _tables(), *map(_text, SHARED)] if shard else [lua(GLOBAL_KEYS)]
        steps = [_text(names[0])] if len(names) == 1 else [*map(_as_function, names), _steps(names), IN_TURN]
        self.code = "\n".join([*tables, *steps])
        self.sha = sha1(self.code.encode(), usedforsecurity=False).hexdigest()


def _text(script: str) -> str:
    return (files("relay.store") / "scripts" / f"{script}.lua").read_text()


def _as_function(script: str) -> str:
    return f"local function {script}(ARGV)\n{_text(script)}\nend"


def _steps(names: Sequence[str]) -> str:
    return f"local steps = {{{', '.join(names)}}}"


write_rows = msgspec.msgpack.Encoder().encode
"""Many rows as one argument, in a tenth of the time that a word for each field takes. Redis knows no bytes in
MessagePack, only text.
"""

Timed = Callable[[str, float], None]
"""Is told of each round trip: the script, the seconds."""


def _nobody_asks(_script: str, _seconds: float) -> None:
    pass


class Client:
    """Redis, for one process."""

    __slots__ = ("_blocking", "_exchange", "_shards", "_shards_wanted", "_timed", "newest_sequence", "options", "redis")

    def __init__(self, options: StoreOptions, timed: Timed = _nobody_asks) -> None:
        self.options = options
        self._timed = timed
        self.newest_sequence = 0
        """The newest delivery that this process has heard of: after a failover Redis may know of less."""
        location = read_location(options.url)
        connector = Connector(location, tls_verify=options.tls_verify)
        self._shards_wanted = location.shards
        self._shards = 0  # not asked yet
        self.redis = connector.client(connections=options.connections, answer_s=options.timeout_s)
        self._exchange = exchange_with(self.redis)
        self._blocking = connector.client(connections=BLOCKED, answer_s=BLOCK_S + LATE_S)

    def run(self, script: Script, tag: int | str, arguments: Sequence[Argument]) -> object:
        """What the script answers. Raises StoreAway; loads the script where Redis does not know it (a new server, a
        failover).
        """
        prefix = Keys(tag).prefix
        began = perf_counter()
        with translated():
            try:
                answer = self._exchange(("EVALSHA", script.sha, 1, prefix, *arguments))
            except NoScriptError:
                answer = self._exchange(("EVAL", script.code, 1, prefix, *arguments))
        self._timed(script.name, perf_counter() - began)
        return answer

    def run_on_shard(self, script: Script, shard: int, arguments: Sequence[Argument]) -> object:
        """As `run`, with the retention as the first argument, as every script of a shard wants it."""
        return self.run(script, shard, (int(self.options.retention_s * 1000), *arguments))

    def run_in_turn(self, script: Script, shard: int, arguments: Sequence[Sequence[Argument]]) -> Sequence[object]:
        """What each part of a script of several answers, given its own of the `arguments`. Raises StoreAway."""
        words: list[Argument] = []
        for its in arguments:
            words.append(len(its))
            words += its
        return rows(self.run_on_shard(script, shard, words))

    def shards(self) -> int:
        """How many there are: as many as the first process wanted that ever came, whatever is wanted now. Raises
        StoreAway until Redis has been asked once, and where it is kept by a newer release than this.
        """
        if not self._shards:
            shards, version = Keys(GLOBAL)("shards"), Keys(GLOBAL)("version")
            with translated():
                known = integer(self.redis.get(version) or 0)
                check_version(known)
                if known < VERSION:
                    self.redis.set(version, VERSION)
                self.redis.set(shards, self._shards_wanted, nx=True)
                self._shards = integer(self.redis.get(shards))
        return self._shards

    def forgot(self) -> bool:
        """Whether Redis has lost all that it knew since this was last asked. Raises StoreAway."""
        with translated():
            return bool(self.redis.set(Keys(GLOBAL)("shards"), self._shards or self._shards_wanted, nx=True))

    def saw(self, sequence: int) -> None:
        """A delivery with this number exists."""
        self.newest_sequence = max(self.newest_sequence, sequence)

    def block(self, *command: Argument) -> object:
        """A command that may wait up to BLOCK_S for its answer. Raises StoreAway."""
        with translated():
            return self._blocking.execute_command(*command)

    def close(self) -> None:
        for redis in (self.redis, self._blocking):
            redis.close()
            redis.connection_pool.close()


GLOBAL = GLOBAL_TAG


def _tables() -> str:
    """core/delivery.py's table, for Lua: `after[state][step]`, `column[state]`, `open[state]`; SOON_US; and the DIGITS
    of ids.
    """
    lines = ["local after = {"]
    for state, steps in TRANSITIONS.items():
        lines.append(f"  {state} = {{" + ", ".join(f"{step} = '{to}'" for step, to in steps.items()) + "},")
    lines += ["}", "local column, open = {}, {}"]
    for state in State:
        lines.append(f"column.{state} = '{'outstanding' if state in OUTSTANDING else state}'")
        lines.append(f"open.{state} = {'true' if state in OUTSTANDING or state is State.HELD else 'false'}")
    lines += [f"local SOON_US = {BLOCK_S * 1e6:.0f}", f"local DIGITS = '{ALPHABET}'"]
    return "\n".join(lines)
