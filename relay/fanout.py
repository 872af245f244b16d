"""Journal → deliveries: a stretch of events is matched, and becomes deliveries in one step.

Every worker does this for the same journal, and the store lets only one win each stretch. Whoever lost the last one
is polite: it waits a
moment before it tries the next, so that of several workers one does the work and the others take over within that
moment if it ends.
"""

from collections.abc import Sequence

import gevent

from relay.core.envelope import Envelope
from relay.core.webhook import Order, Webhook
from relay.report import EventsMatched, Reporter, UnreadableFilter
from relay.store.directory import Directory
from relay.store.journal import Entry, Journal, Match

STRETCH = 256
"""Events at a time."""

POLITE_S = 0.05

STALE_TURNS = 3
"""After so many refusals in a row because of changed webhooks, a process has died between telling the record and
telling the shard.
"""


class FanOut:
    """`turn` is a loop's: see relay/loops.py."""

    def __init__(self, journal: Journal, directory: Directory, report: Reporter) -> None:
        self._journal = journal
        self._directory = directory
        self._report = report
        self._cursor: str | None = None  # None: ask the store
        self._polite = False
        self._stale = 0
        self._told_broken: set[str] = set()

    def turn(self) -> None:
        """Wait for events, a few seconds at most, and make them into deliveries. Raises StoreAway."""
        cursor = self._cursor or self._journal.cursor()
        self._cursor = None  # until the store has said "done"
        entries = self._journal.read(cursor, STRETCH)
        if not entries:
            return
        if self._polite:
            gevent.sleep(POLITE_S)
            if self._journal.cursor() != cursor:
                return
        stretch = self._matched(entries)
        answer = self._journal.fan_out(cursor, stretch, self._directory.version)
        self._polite = answer == "behind"
        if answer == "done":
            self._cursor, self._stale = entries[-1].position, 0
            self._tell(stretch)
        elif answer == "stale":
            self._catch_up()

    def _tell(self, stretch: Sequence[tuple[Entry, Sequence[Match]]]) -> None:
        matches = [len(matches) for _, matches in stretch]
        self._report(EventsMatched(events=len(matches), filtered=matches.count(0), deliveries=sum(matches)))

    def _catch_up(self) -> None:
        self._stale += 1
        self._directory.refresh()
        if self._stale >= STALE_TURNS:
            self._directory.mend()
        for id, why in self._directory.matcher.broken.items():
            if id not in self._told_broken:
                self._told_broken.add(id)
                self._report(UnreadableFilter(webhook=id, why=str(why)))

    def _matched(self, entries: list[Entry]) -> list[tuple[Entry, list[Match]]]:
        if not len(self._directory.matcher):
            return [(entry, []) for entry in entries]
        envelopes = self._journal.envelopes(entry.event_id for entry in entries)
        return [(entry, self._matches(envelopes.get(entry.event_id))) for entry in entries]

    def _matches(self, envelope: Envelope | None) -> list[Match]:
        if envelope is None:  # no longer kept: fan-out was away for longer than the retention
            return []
        webhooks = self._directory.matcher.match(envelope)
        return [Match(webhook=webhook.id, lane=_lane(webhook, envelope)) for webhook in webhooks]


def _lane(webhook: Webhook, envelope: Envelope) -> str:
    match webhook.order:
        case Order.NONE:
            return ""
        case Order.CHANNEL:
            return envelope.channel or "-"
        case Order.ALL:
            return "*"
