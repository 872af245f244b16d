"""An auditor of what is in Redis: reads everything, and says what contradicts what.

Shares nothing with the scripts but the names of the keys. Not for a store in use: it reads key by key.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import redis

from relay.store.reply import fields, integer, rows, text

ROOT = "relay:{0}:"
COLUMNS = {"pending": "outstanding", "sending": "outstanding", "retrying": "outstanding"}
OPEN = {"pending", "sending", "retrying", "held"}


@dataclass(slots=True)
class Books:
    """All that there is."""

    deliveries: dict[str, Mapping[str, str]] = field(default_factory=dict)
    gates: dict[str, Mapping[str, str]] = field(default_factory=dict)
    ledgers: dict[str, dict[str, int]] = field(default_factory=dict)
    fresh: dict[str, list[str]] = field(default_factory=dict)
    held: dict[str, list[str]] = field(default_factory=dict)
    lanes: dict[str, list[str]] = field(default_factory=dict)
    due: dict[str, set[str]] = field(default_factory=dict)
    trays: dict[str, set[str]] = field(default_factory=dict)
    leases: set[str] = field(default_factory=set)
    turns: set[str] = field(default_factory=set)
    events: dict[str, tuple[int, int]] = field(default_factory=dict)  # how many are open, TTL in ms (-1: none)

    def waiting(self, webhook: str) -> set[str]:
        """For another try."""
        trays = (row for of, row in self.trays.items() if of.startswith(f"{webhook}:"))
        return self.due.get(webhook, set()).union(*trays)

    def of(self, webhook: str, *states: str) -> set[str]:
        return {
            n for n, each in self.deliveries.items() if each["w"] == webhook and (not states or each["s"] in states)
        }


def read_books(client: "redis.Redis") -> Books:
    books = Books()
    for name in sorted(map(text, client.scan_iter(f"{ROOT}*", count=10_000))):
        kind, _, of = name.removeprefix(ROOT).partition(":")
        match kind:
            case "delivery":
                books.deliveries[of] = fields(client.hgetall(name))
            case "gate":
                books.gates[of] = fields(client.hgetall(name))
            case "ledger":
                books.ledgers[of] = {column: int(count) for column, count in fields(client.hgetall(name)).items()}
            case "fresh" | "held" | "lane":
                lists = {"fresh": books.fresh, "held": books.held, "lane": books.lanes}[kind]
                lists[of] = [text(row) for row in client.lrange(name, 0, -1)]
            case "due" | "tray":
                places = books.due if kind == "due" else books.trays
                places[of] = {text(row) for row in rows(client.zrange(name, 0, -1))}
            case "leases":
                books.leases = {text(row) for row in rows(client.zrange(name, 0, -1))}
            case "turns":
                books.turns = {text(row) for row in rows(client.zrange(name, 0, -1))}
            case "event":
                books.events[of] = (integer(client.getrange(name, 22, 27)), integer(client.pttl(name)))
    return books


def audit(client: "redis.Redis") -> list[str]:
    """Every contradiction, in words; [] if the books are in order. Settled records must not have expired yet."""
    books = read_books(client)
    return [*_ledgers(books), *_places(books), *_lanes(books), *_events(books), *_turns(books)]


def _ledgers(books: Books) -> Iterator[str]:
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for each in books.deliveries.values():
        for of in (each["w"], "*"):
            counted[of][COLUMNS.get(each["s"], each["s"])] += 1
            counted[of]["matched"] += 1
    living = {webhook for webhook, gate in books.gates.items() if gate["status"] != "gone"}
    for of in {"*", *living}:
        for column in ("matched", "outstanding", "delivered", "held", "dead", "cancelled"):
            booked = books.ledgers.get(of, {}).get(column, 0)
            if booked != counted[of][column]:
                yield f"ledger of {of}: {column} is {booked}, there are {counted[of][column]}"


def _places(books: Books) -> Iterator[str]:
    sending = {n for n, each in books.deliveries.items() if each["s"] == "sending"}
    if sending != books.leases:
        yield f"leases: {sending ^ books.leases} are sending or leased, not both"
    for webhook, gate in books.gates.items():
        flying = len(books.of(webhook, "sending"))
        if int(gate.get("flying", 0)) != flying:
            yield f"gate of {webhook}: flying is {gate.get('flying')}, there are {flying}"
        if (retrying := books.of(webhook, "retrying")) != books.waiting(webhook):
            yield f"due of {webhook}: {retrying ^ books.waiting(webhook)} are retrying or due, not both"
        if books.waiting(webhook) and not books.due.get(webhook):
            yield f"due of {webhook}: nothing is there before the trays, so they never come up"
        if lost := books.of(webhook, "held") - set(books.held.get(webhook, ())):
            yield f"held of {webhook}: {lost} are not in it"
        alone = {n for n in books.of(webhook, "pending") if "o" not in books.deliveries[n]}
        if lost := alone - set(books.fresh.get(webhook, ())):
            yield f"fresh of {webhook}: {lost} are not in it"


def _lanes(books: Books) -> Iterator[str]:
    for lane, row in books.lanes.items():
        webhook = lane.partition(":")[0]
        head = books.deliveries.get(row[0], {"s": "expired"})["s"]
        if head not in {"sending", "retrying"} and row[0] not in books.fresh.get(webhook, ()):
            yield f"lane {lane}: its head {row[0]} is {head}, and not in fresh: nothing will move it"
    for sequence, each in books.deliveries.items():
        if "o" in each and each["s"] in COLUMNS and sequence not in books.lanes.get(f"{each['w']}:{each['o']}", ()):
            yield f"lane {each['w']}:{each['o']}: {sequence} is {each['s']} and not in it"


def _events(books: Books) -> Iterator[str]:
    open_of = Counter(each["e"] for each in books.deliveries.values() if each["s"] in OPEN)
    for event, (open_now, ttl_ms) in books.events.items():
        if open_now != open_of[event]:
            yield f"event {event}: {open_now} are said to be open, {open_of[event]} are"
        if open_now and ttl_ms != -1:
            yield f"event {event} will expire in {ttl_ms} ms, with {open_now} open"
    yield from (
        f"event {event} is gone, with {count} open" for event, count in open_of.items() if event not in books.events
    )


def _turns(books: Books) -> Iterator[str]:
    for webhook, gate in books.gates.items():
        fresh, held, due = (bool(lists.get(webhook)) for lists in (books.fresh, books.held, books.due))
        flying = int(gate.get("flying", 0))
        match gate["status"]:
            case "enabled":
                room = flying < (1 if int(gate.get("fails", 0)) >= 5 else int(gate["max"]))
                wants = (room and (fresh or due)) or int(gate.get("drain", 0)) > 0
            case "disabled":
                wants = fresh or due or held
            case "deleted":
                wants = fresh or due or held or not flying
            case _:
                wants = False
        if wants and webhook not in books.turns:
            yield f"turns: {webhook} ({gate['status']}) has something to do, and no turn"
