"""Every key in Redis: its name, its type and its meaning. No other file spells one.

Names begin with `relay:` and a hash tag. `{g}` is where webhooks, connections and keys live, once for the whole
relay; `{0}`, `{1}`, …
are shards: a connection's events and everything that follows from them live on one, so that each script touches one
slot of a Redis Cluster. The scripts are given these names as the Lua table `key` (see `lua`), made from the same rows.
"""

from dataclasses import dataclass

ROOT = "relay"
GLOBAL_TAG = "g"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One row: `of` names what is appended after a colon, "" if the key stands alone."""

    name: str
    type: str
    meaning: str
    of: str = ""


SHARD_KEYS: tuple[Key, ...] = (
    Key(
        name="journal",
        type="stream",
        meaning=(
            "every event in the order of its arrival: e event id, k kind, c channel, n connection; "
            "trimmed by age, never past the cursor"
        ),
    ),
    Key(
        name="event",
        of="event id",
        type="string",
        meaning=(
            "28 digits (first delivery's sequence, how many, how many are open), a JSON head, a "
            "newline, the exact bytes of the body; no TTL while a delivery is open, else the "
            "retention; a second append of the same id finds it"
        ),
    ),
    Key(
        name="extra",
        of="event id",
        type="list",
        meaning=("sequences of deliveries that a replay of `missing` made later"),
    ),
    Key(
        name="cursor",
        type="string",
        meaning=("journal id up to which fan-out is done; moved by compare-and-set, so it is done once"),
    ),
    Key(
        name="sequence",
        type="string",
        meaning=("the newest delivery's number: microseconds of Redis' clock, never given twice"),
    ),
    Key(
        name="delivery",
        of="sequence",
        type="hash",
        meaning=(
            "w webhook, e event id, s state, n tries, x losses, l fence of the lease, o lane, d due "
            "(ms), t settled (ms), r reason; kept small enough for a listpack"
        ),
    ),
    Key(name="attempts", of="sequence", type="string", meaning="what each try did, one JSON line each"),
    Key(
        name="deliveries",
        of="webhook",
        type="stream",
        meaning=("a webhook's deliveries in the order of their birth; the entry's id is `<sequence>-0`"),
    ),
    Key(name="fresh", of="webhook", type="list", meaning="sequences that wait for their first try"),
    Key(
        name="due",
        of="webhook",
        type="zset",
        meaning=("sequences that wait for another try, by the millisecond at which they are due"),
    ),
    Key(
        name="held",
        of="webhook",
        type="list",
        meaning=("sequences that wait for the webhook to be enabled and drained"),
    ),
    Key(
        name="dead",
        of="webhook",
        type="zset",
        meaning=("sequences given up, by the millisecond at which that was; trimmed by age"),
    ),
    Key(
        name="lane",
        of="webhook, channel",
        type="list",
        meaning=("ordered webhooks only: sequences in order; the head alone is in fresh, due or sending"),
    ),
    Key(
        name="gate",
        of="webhook",
        type="hash",
        meaning=(
            "how fast a webhook may go: status, max, rate, timeout (ms), flying (in flight), tat (rate "
            "limiter), pause (ms until), fails (in a row), since (ms of the first failure in a row), "
            "failed (deliveries in a row), warned, baseline"
        ),
    ),
    Key(
        name="turns",
        type="zset",
        meaning=("webhooks with something to do, by the microsecond from which they may be visited"),
    ),
    Key(name="leases", type="zset", meaning="sequences in flight, by the millisecond at which their lease ends"),
    Key(name="fence", type="string", meaning="counts claims; a lease's fence is its number"),
    Key(name="bell", type="list", meaning="at most one token: wakes one worker that waits for something to claim"),
    Key(
        name="ledger",
        of="webhook",
        type="hash",
        meaning=(
            "matched, outstanding, delivered, held, dead, cancelled: deliveries now in each column; "
            "`*` sums all webhooks and has events, live, baseline, retired"
        ),
    ),
    Key(name="watched", type="string", meaning="there while somebody watches the live stream"),
    Key(
        name="outcomes",
        type="stream",
        meaning="what attempts did, while somebody watches: o, JSON; the newest ten thousand, for ten minutes",
    ),
    Key(
        name="version",
        type="string",
        meaning=("version of the webhooks as this shard knows it; fan-out refuses an older one"),
    ),
)

GLOBAL_KEYS: tuple[Key, ...] = (
    Key(name="webhooks", type="hash", meaning="webhook id → its record, JSON, secrets sealed"),
    Key(name="webhook_changes", type="zset", meaning="webhook id → version at which it changed or was removed"),
    Key(name="webhook_births", type="zset", meaning="webhook id → version that it was born with: the order in which lists show them"),
    Key(name="webhook_version", type="string", meaning="counts changes to webhooks"),
    Key(name="shards", type="string", meaning="number of shards, fixed at first start"),
    Key(name="connections", type="hash", meaning="connection id → '<version> <record>', JSON, token sealed"),
    Key(name="connection_states", type="hash", meaning="connection id → how it is doing, JSON"),
    Key(
        name="connection_changes",
        type="stream",
        meaning="what was done to connections: i id, w saved, removed or renew; wakes the workers",
    ),
    Key(
        name="occurrences",
        of="fingerprint",
        type="hash",
        meaning="of one event that Slack gives no time: n how often it happened, e<k> the k-th (stamp, bounds in µs, "
        "who saw it), s<socket> the last k that a socket saw; gone after two hours without another",
    ),
    Key(
        name="session",
        of="hash of a cookie",
        type="string",
        meaning="somebody at the dashboard, JSON: hash of the token, proof of the page, when; 12 hours after its last use",
    ),
    Key(name="counts", type="hash", meaning="what all processes have counted: metric and labels (0x1F between) → sum"),
    Key(
        name="minute",
        of="minute",
        type="hash",
        meaning="what was counted in one minute since 1970, as far as the dashboard charts it; kept for 70 minutes",
    ),
    Key(
        name="minute_webhooks", of="minute", type="hash", meaning="the same for each webhook: attempts, ok and failed"
    ),
    Key(
        name="process",
        of="process",
        type="hash",
        meaning="n number of its last telling that was added to the sums, r what it said about itself, JSON; an hour",
    ),
    Key(name="processes", type="zset", meaning="processes by the millisecond of their last telling"),
)


class Keys:
    """The names on one tag, as attributes are too many: `keys("journal")`, `keys("event", "Ev1")`."""

    __slots__ = ("prefix",)

    def __init__(self, tag: int | str) -> None:
        self.prefix = f"{ROOT}:{{{tag}}}:"

    def __call__(self, name: str, of: str | int | None = None) -> str:
        return self.prefix + name if of is None else f"{self.prefix}{name}:{of}"


def lua(rows: tuple[Key, ...]) -> str:
    """The same names for a script: `key.journal`, `key.event('Ev1')`; KEYS[1] is the tag's prefix."""
    lines = ["local root = KEYS[1]", "local key = {"]
    for row in rows:
        if row.of:
            lines.append(f"  {row.name} = function(of) return root .. '{row.name}:' .. of end,")
        else:
            lines.append(f"  {row.name} = root .. '{row.name}',")
    return "\n".join([*lines, "}"])
