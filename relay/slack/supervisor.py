"""A worker's part in holding connections: follows their records, hears what all workers should hear, and knows who is
there.

Who holds what, each worker works out by itself (core/shares.py) from who is there (store/workers.py). A worker that
stops waits until the others hear what it hears.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from time import monotonic, time

import gevent
from gevent.lock import BoundedSemaphore
from msgspec import Struct

from relay.core.connection import Connection
from relay.core.ids import ConnectionId
from relay.core.shares import holders
from relay.loops import Loop, at_most, once
from relay.report import Reporter
from relay.slack.dial import Dialer
from relay.slack.holding import Holding
from relay.slack.inboxes import Inboxes
from relay.slack.means import Means
from relay.slack.options import SlackOptions
from relay.slack.socket_mode import Desk
from relay.slack.web_api import WebApi
from relay.store.connection_states import ConnectionStates
from relay.store.connections import Connections
from relay.store.errors import StoreAway
from relay.store.notices import Notices, Wish
from relay.store.turns import Turns
from relay.store.workers import BEAT_S, GOOD_FOR_S, Workers

HANDOVER_SHARE = 0.5
"""Of the time that a stop may take: what may be spent on waiting for the others."""
LOOK_S = 0.2
OPENING_AT_ONCE = 32
"""A thousand handshakes at once would all be too slow for their deadlines."""
SECOND_S, LAST_S = 1.0, 2.0
"""How long a standby, and a worker whose socket is not up, leave a wish to others."""


class SlackStore(Struct, frozen=True, kw_only=True):
    """What the Slack side remembers in Redis."""

    connections: Connections
    states: ConnectionStates
    notices: Notices
    workers: Workers
    turns: Turns


class Supervisor:
    def __init__(
        self, store: SlackStore, *, inboxes: Inboxes, dialer: Dialer, options: SlackOptions, report: Reporter
    ) -> None:
        self._store = store
        self._inboxes = inboxes
        self._report = report
        self._desk = Desk(report)
        means = Means(
            worker=store.workers.me,
            web=WebApi(options, dialer),
            dialer=dialer,
            inboxes=inboxes,
            desk=self._desk,
            states=store.states,
            turns=store.turns,
            options=options,
            opening=BoundedSemaphore(OPENING_AT_ONCE),
            report=report,
        )
        self._holding = Holding(means)
        self._sharing = BoundedSemaphore()  # one loop at a time shares out
        self._crew: frozenset[str] = frozenset()
        self._looked_at = self._patient_until = monotonic()
        self._wanted: dict[ConnectionId, Connection] = {}
        self._position: str | None = None  # None: everything is to be read
        self._knows = False  # the records have been read once
        self._follow_loop = Loop("connections", self._follow, report)
        self._beat_loop = Loop("crew", self._beat, report)

    def __repr__(self) -> str:
        return f"<Supervisor {self._store.workers.me}, one of {len(self._crew)}, {self._holding!r}>"

    @property
    def beats(self) -> Mapping[str, float]:
        """When each loop last turned, by the steady clock; a loop that is well turns every few seconds."""
        own = {loop.name: loop.last_turn for loop in (self._follow_loop, self._beat_loop)}
        return own | dict(self._inboxes.beats)

    @property
    def deaf(self) -> frozenset[ConnectionId] | None:
        """Connections that this worker is to hold and does not hear; None before it knows which they are."""
        return self._holding.deaf() if self._knows and self._crew else None

    def start(self) -> None:
        self._inboxes.start()
        self._beat_loop.start()
        self._follow_loop.start()

    def stop(self, within_s: float) -> None:
        """Hand over every connection, then store what was heard."""
        deadline = monotonic() + within_s
        self._beat_loop.stop()
        self._follow_loop.stop()
        handed_over = monotonic() + within_s * HANDOVER_SHARE
        with suppress(StoreAway), at_most(within_s * HANDOVER_SHARE):  # then nobody can tell who else is there
            self._hand_over(handed_over)
        with at_most(deadline - monotonic()):
            self._holding.stop()
        with suppress(StoreAway), at_most(deadline - monotonic()):
            self._store.workers.gone()
        self._desk.stop()
        self._inboxes.stop(max(0.0, deadline - monotonic()))

    def _beat(self) -> None:
        self._look_around()
        with self._sharing:
            self._holding.give_up()
        gevent.sleep(BEAT_S)

    def _look_around(self) -> None:
        crew = self._store.workers.beat()
        now = monotonic()
        if now - self._looked_at > GOOD_FOR_S:  # Redis was away, and nobody could beat: who was there may well be
            self._patient_until = now + GOOD_FOR_S
        self._looked_at = now
        if now < self._patient_until:
            crew |= self._crew
        if crew != self._crew:
            self._crew = crew
            self._share_out()

    def _share_out(self) -> None:
        if self._crew:
            with self._sharing:
                self._holding.share_out(self._wanted, self._crew)

    def _follow(self) -> None:
        try:
            if self._position is None:
                self._read_all()
            else:
                self._hear(self._position)
        except StoreAway:
            self._position = None  # who knows what Redis remembers when it is back
            raise

    def _read_all(self) -> None:
        position = self._store.notices.position()
        self._wanted = {connection.id: connection for connection in self._store.connections.all()}
        self._share_out()
        self._position = position
        self._knows = True

    def _hear(self, position: str) -> None:
        news = self._store.notices.wait(position)
        for event, body in news.answers.items():
            self._desk.answer(event, body)
        for wish in news.wishes:
            if wish.until > time():
                once(f"wish {wish.id}", partial(self._grant, wish), self._report)
        for id in news.changed:
            connection = self._store.connections.get(id)
            if connection is None:
                self._wanted.pop(id, None)
            else:
                self._wanted[id] = connection
        if news.changed:
            self._share_out()
        if news.crew:
            self._look_around()
        for id in news.renew:
            self._holding.renew(id)
        self._position = news.position

    def _grant(self, wish: Wish) -> None:
        """One of the holders does: the leader if its socket is up."""
        voice = self._holding.voice(wish.connection)
        if voice is None:
            return
        leads = self._store.workers.me in holders(wish.connection, self._crew, count=1)
        gevent.sleep(LAST_S if not voice.is_up else 0.0 if leads else SECOND_S)
        if self._store.notices.claim(wish):
            self._store.notices.grant(wish, voice.grant(wish))

    def _hand_over(self, deadline: float) -> None:
        """Leave the crew, and wait until those who stay hear what we hear. Raises StoreAway."""
        ours = self._holding.heard()
        while self._store.workers.leave() and ours and monotonic() < deadline:
            heard = self._store.states.heard_by(ours)
            ours = [id for id in ours if heard[id] <= {self._store.workers.me}]
            gevent.sleep(LOOK_S if ours else 0)
