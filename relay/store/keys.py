"""Every key in Redis: its name, its type and its meaning. No other file spells one.

Names begin with `relay:` and a hash tag. `{g}` is where webhooks, connections and keys live, once for the whole
relay; `{0}`, `{1}`, …
are shards: a connection's events and everything that follows from them live on one, so that each script touches one
slot of a Redis Cluster. The scripts are given these names as the Lua table `key` (see `lua`), made from the same rows.
"""

from msgspec import Struct

ROOT = "relay"
GLOBAL_TAG = "g"


class Key(Struct, frozen=True, kw_only=True):
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
            "every event in the order of its arrival: e event id (`+<id>`: an echo, the same event by another "
            "connection), k kind, c channel, n connection; trimmed by age, never past the cursor"
        ),
    ),
    Key(
        name="event",
        of="event id",
        type="string",
        meaning=(
            "28 digits (first delivery's sequence, how many, how many are open), a JSON head, a "
            "newline, the exact bytes of the body; the head's n is the connection that was first, also are others; no "
            "TTL until it is fanned out and while a delivery is open, then the retention; a second append of the same "
            "id finds it"
        ),
    ),
    Key(
        name="extra",
        of="event id",
        type="list",
        meaning=(
            "further deliveries of an event: '<first sequence> <how many>'; made by a later part of its fan-out, "
            "or by a replay"
        ),
    ),
    Key(
        name="cursor",
        type="string",
        meaning=(
            "journal id up to which fan-out is done, and `|<webhook>` if the next event is done up to that webhook; "
            "moved by compare-and-set, so it is done once"
        ),
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
            "w webhook, e event id, s state, n tries, x losses, y losses when it was last settled, l fence of the "
            "last lease, o lane, d due (ms), t settled (ms), r reason, p its reply was passed on, a it was held or is "
            "sent again; kept small enough for a listpack"
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
        meaning=(
            "sequences that wait for another try, by the millisecond at which they are due: the nearest, up to 64; "
            "the others are in trays behind them"
        ),
    ),
    Key(
        name="later",
        of="webhook",
        type="zset",
        meaning="trays, by the millisecond from which what is in them is due; none while `due` is empty",
    ),
    Key(
        name="tray",
        of="webhook, number",
        type="zset",
        meaning="sequences, as in `due`; short enough for a listpack, in which one takes a fifth of the memory",
    ),
    Key(
        name="held",
        of="webhook",
        type="list",
        meaning=("sequences that wait for the webhook to be enabled and drained"),
    ),
    Key(
        name="lane",
        of="webhook, channel",
        type="list",
        meaning=(
            "ordered webhooks only: sequences in order; the head alone is in fresh, due or sending; who was cancelled "
            "behind others is passed over when it comes up"
        ),
    ),
    Key(
        name="gate",
        of="webhook",
        type="hash",
        meaning=(
            "how fast a webhook may go: status, max, rate, timeout (ms), flying (in flight), tat (rate "
            "limiter), pause (ms until), paused (ms when), fails (in a row), since (ms of the first failure in a row), "
            "failed (deliveries in a row), warned, drain, trays (how many there were), version, baseline; after its "
            "removal a mark (gone), for the retention"
        ),
    ),
    Key(
        name="turns",
        type="zset",
        meaning=("webhooks with something to do, by the microsecond from which they may be visited"),
    ),
    Key(name="leases", type="zset", meaning="sequences in flight, by the millisecond at which their lease ends"),
    Key(
        name="fence", type="string", meaning="the newest lease's number, its fence; they rise, and some are passed over"
    ),
    Key(name="bell", type="list", meaning="at most one token: wakes one worker that waits for something to claim"),
    Key(
        name="ledger",
        of="webhook",
        type="hash",
        meaning=(
            "matched, added (of these, by replays and echoes), outstanding, delivered, held, dead, cancelled: "
            "deliveries in each column; `*` sums all webhooks and has events, live, baseline, retired "
            "(see decisions/ledger.md)"
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
    Key(
        name="progress",
        of="replay",
        type="hash",
        meaning="a replay on this shard: cursor, looked, resent, made, done, ended; moved by compare-and-set",
    ),
    Key(
        name="replies",
        of="connection, channel",
        type="list",
        meaning="what is to be said there, in order: `<sequence of the delivery> <JSON>`",
    ),
    Key(
        name="reply_turns",
        type="zset",
        meaning="places (connection:channel) by the millisecond from which the next reply may be said there",
    ),
    Key(name="reply_bell", type="list", meaning="at most one token: wakes one worker that waits for a reply to say"),
)

GLOBAL_KEYS: tuple[Key, ...] = (
    Key(name="webhooks", type="hash", meaning="webhook id → its record, JSON, secrets sealed"),
    Key(name="webhook_changes", type="zset", meaning="webhook id → version at which it changed or was removed"),
    Key(name="webhook_removals", type="zset", meaning="webhook id → Unix second of its removal, for a week"),
    Key(name="untold", type="zset", meaning="webhook id → version that a shard may not have been told of yet"),
    Key(
        name="webhook_births",
        type="zset",
        meaning="webhook id → version that it was born with: the order in which lists show them",
    ),
    Key(name="webhook_version", type="string", meaning="grows with each change to webhooks"),
    Key(name="replays", type="zset", meaning="replay id → microsecond of its creation"),
    Key(
        name="replay",
        of="replay id",
        type="hash",
        meaning="webhook, since, until, wanted, created, state, ended; no TTL while it runs, then the retention",
    ),
    Key(name="running_replays", type="set", meaning="ids of replays that are not over"),
    Key(name="replay_bell", type="list", meaning="at most one token: wakes one worker for a new replay"),
    Key(name="shards", type="string", meaning="number of shards, fixed at first start"),
    Key(name="version", type="string", meaning="newest version of records that a process here has known"),
    Key(name="api_keys", type="hash", meaning="key id → its record, JSON, with the key's hash and never the key"),
    Key(name="api_key_hashes", type="hash", meaning="SHA-256 of a key → its id"),
    Key(name="api_key_uses", type="hash", meaning="key id → Unix second of its last use, to the minute"),
    Key(
        name="audit",
        type="stream",
        meaning="what was changed through the API: w who, o operation, t target, f fields, a address; 100,000 of them",
    ),
    Key(
        name="idempotency",
        of="hash of caller and key",
        type="string",
        meaning="'<hash of the request> <its answer, sealed>' for a day; without it, a minute: it is being done",
    ),
    Key(name="connections", type="hash", meaning="connection id → '<version> <record>', JSON, token sealed"),
    Key(
        name="standing",
        of="connection",
        type="hash",
        meaning="how a connection is doing: v:<worker> what that worker says of its socket (JSON), h:<worker> it hears "
        "Slack, rest the view of a paused one, deaf Unix seconds since when nobody hears Slack, offline seconds, "
        "summed, reconnects",
    ),
    Key(
        name="notices",
        type="stream",
        meaning="what all workers should hear at once: k changed, renew, wish, answer or crew; o whose; b the rest",
    ),
    Key(name="claimed", of="wish or event", type="string", meaning="somebody has taken it on; gone after a minute"),
    Key(name="granted", of="wish", type="list", meaning="what came of it, for the one who asked; gone after seconds"),
    Key(name="workers", type="zset", meaning="worker → millisecond of its last beat; forgotten after a day"),
    Key(name="leaving", type="set", meaning="workers that hand over: alive, without a share"),
    Key(
        name="turn",
        of="hash of a token",
        type="string",
        meaning="rtm.connect's budget: the millisecond at which all turns that were taken will have been given back, "
        "and when that was written",
    ),
    Key(name="voices", type="set", meaning="users and bots of Slack as whom replies were posted: not to be answered"),
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
        meaning="at the dashboard, JSON: hash of the token, proof of the page, when; for 12 hours after its last use",
    ),
    Key(name="counts", type="hash", meaning="what all processes have counted: metric and labels (0x1F between) → sum"),
    Key(
        name="minute",
        of="minute",
        type="hash",
        meaning="what was counted in one minute since 1970, as far as the dashboard charts it; kept for 70 minutes",
    ),
    Key(name="minute_webhooks", of="minute", type="hash", meaning="the same for each webhook: attempts, ok and failed"),
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
