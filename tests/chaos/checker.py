"""The checker: `python checker.py FOLDER` reads what the receivers saw and says whether the promises were kept.

Standard library only, and nothing of the relay: it knows the events that were appended, who wanted which, what arrived,
and when somebody was killed. In the folder: cast.json, appended.jsonl, history.jsonl, faults.jsonl.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

Row: TypeAlias = dict[str, "str | float | int | bool"]

IN_FLIGHT = 256
"""What a worker has under way at most: so much may be posted again when it is killed."""

WRITES_S = 2.0
"""Between an endpoint's yes and its being written down: what is killed in there is posted again."""


@dataclass(slots=True)
class Blow:
    """What one fault did to the requests that were open, or had been answered WRITES_S before at most: these it may
    have cut off from being written down.
    """

    what: str
    at_s: float  # since the first event
    lasted_s: float
    open: int
    answered: int
    repeated: int = 0


@dataclass(slots=True)
class Verdict:
    findings: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    blows: list[Blow] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.findings

    def told(self) -> Iterator[str]:
        """In lines, for a reader."""
        for name, count in self.counts.items():
            yield f"{count:>10,}  {name}"
        yield ""
        yield f"{'at':>8}    {'what':<16}{'lasted':>9}{'open':>7}{'just answered':>15}{'of these taken twice':>22}"
        for blow in self.blows:
            times = f"{blow.at_s:>8.1f} s  {blow.what:<16}{blow.lasted_s:>7.1f} s"
            yield f"{times}{blow.open:>7}{blow.answered:>15}{blow.repeated:>22}"
        yield ""
        yield from (f"BROKEN: {finding}" for finding in self.findings)


@dataclass(slots=True)
class Evidence:
    cast: Sequence[Mapping[str, object]]
    appended: list[Row]  # event, channel, at
    history: list[Row]
    faults: list[Row]  # what, began, ended

    def taken(self, endpoint: object) -> list[Row]:
        """What it said yes to, in the order in which it did."""
        yes = [row for row in self.history if row["endpoint"] == endpoint and 200 <= int(row["status"]) < 300]
        return sorted(yes, key=lambda row: row["ended"])


def read(folder: Path) -> Evidence:
    def rows(name: str) -> list[Row]:
        return [json.loads(line) for line in (folder / name).read_text().splitlines()]

    cast = json.loads((folder / "cast.json").read_text())
    return Evidence(cast, rows("appended.jsonl"), rows("history.jsonl"), rows("faults.jsonl"))


def check(evidence: Evidence) -> Verdict:
    verdict = Verdict()
    verdict.counts["events appended"] = len(evidence.appended)
    verdict.counts["requests seen"] = len(evidence.history)
    verdict.counts["workers killed"] = sum(row["what"] == "worker killed" for row in evidence.faults)
    verdict.counts["Redis stopped"] = sum(str(row["what"]).startswith("Redis") for row in evidence.faults)
    unsigned = sum(not row["signed"] for row in evidence.history)
    if unsigned:
        verdict.findings.append(f"{unsigned} requests were not signed")
    began = min((float(row["at"]) for row in evidence.appended), default=0.0)
    for fault in evidence.faults:
        at, until = float(fault["began"]), float(fault["ended"])
        struck = [float(row["ended"]) for row in evidence.history if strikes(fault, row)]
        answered = sum(ended < at for ended in struck)
        verdict.blows.append(Blow(str(fault["what"]), at - began, until - at, len(struck) - answered, answered))
    check_missing(evidence, verdict)
    check_repeated(evidence, verdict)
    check_order(evidence, verdict)
    return verdict


def check_missing(evidence: Evidence, verdict: Verdict) -> None:
    verdict.counts["missing at healthy endpoints"] = 0
    for role in evidence.cast:
        if not role["healthy"]:
            continue
        taken = {row["event"] for row in evidence.taken(role["name"])}
        wanted = {row["event"] for row in evidence.appended if row["channel"] in role["channels"]}  # type: ignore[operator]
        missing, foreign = wanted - taken, taken - wanted
        verdict.counts["missing at healthy endpoints"] += len(missing)
        if missing:
            verdict.findings.append(f"{role['name']} never took {len(missing)} events, among them {min(missing)}")
        if foreign:
            verdict.findings.append(f"{role['name']} took {len(foreign)} events that it did not want")


def check_repeated(evidence: Evidence, verdict: Verdict) -> None:
    """A delivery that was taken twice is explained by a fault between the first yes and its being written down."""
    unexplained = 0
    for role in evidence.cast:
        taken: dict[object, list[Row]] = defaultdict(list)
        deliveries: dict[object, set[object]] = defaultdict(set)
        for row in evidence.taken(role["name"]):
            taken[row["delivery"]].append(row)
            deliveries[row["event"]].add(row["delivery"])
        if several := [event for event, ids in deliveries.items() if len(ids) > 1]:
            verdict.findings.append(f"{role['name']} got {len(several)} events under several ids")
        for rows in taken.values():
            for earlier in rows[:-1]:
                fault = fault_at(earlier, evidence.faults)
                if fault is None:
                    unexplained += 1
                else:
                    verdict.blows[fault].repeated += 1
    verdict.counts["taken twice, explained"] = sum(blow.repeated for blow in verdict.blows)
    verdict.counts["taken twice, most by one fault"] = max((blow.repeated for blow in verdict.blows), default=0)
    verdict.counts["taken twice, unexplained"] = unexplained
    for blow in verdict.blows:
        if blow.repeated > min(blow.open + blow.answered, IN_FLIGHT):
            verdict.findings.append(f"{blow.what}: {blow.repeated} deliveries were taken twice")
    if unexplained:
        verdict.findings.append(f"{unexplained} deliveries were taken twice without a fault that explains it")


def fault_at(row: Row, faults: list[Row]) -> int | None:
    return next((number for number, fault in enumerate(faults) if strikes(fault, row)), None)


def strikes(fault: Row, row: Row) -> bool:
    """Whether the fault was there between the request's beginning and its being written down."""
    return float(row["began"]) <= float(fault["ended"]) and float(fault["began"]) <= float(row["ended"]) + WRITES_S


def check_order(evidence: Evidence, verdict: Verdict) -> None:
    """Where order is wanted, what is taken for the first time comes in the order in which it was appended."""
    place = {row["event"]: number for number, row in enumerate(evidence.appended)}
    channel = {row["event"]: row["channel"] for row in evidence.appended}
    for role in evidence.cast:
        last: dict[object, int] = {}
        seen: set[object] = set()
        wrong = 0
        for row in evidence.taken(role["name"]) if role["ordered_by"] else ():
            event = row["event"]
            lane = channel[event] if role["ordered_by"] == "channel" else "all"
            if event not in seen:
                seen.add(event)
                wrong += place[event] < last.get(lane, -1)
                last[lane] = max(place[event], last.get(lane, -1))
        if wrong:
            verdict.findings.append(f"{role['name']} got {wrong} events out of order")


def main() -> int:
    verdict = check(read(Path(sys.argv[1])))
    for line in verdict.told():
        print(line)
    return 0 if verdict.good else 1


if __name__ == "__main__":
    sys.exit(main())
