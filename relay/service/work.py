"""What a worker does: it holds connections, and for each shard it fans out and delivers."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from time import monotonic

from msgspec.structs import replace

from relay.core.envelope import Envelope
from relay.core.ids import ConnectionId
from relay.core.trace import Trace
from relay.deliver.health import Health
from relay.deliver.in_flight import InFlight, Share
from relay.deliver.post import Poster
from relay.deliver.replay import Replayer, ReplayRooms
from relay.deliver.reply import Post, Replier
from relay.deliver.worker import Rooms, Worker
from relay.fanout import FanOut
from relay.loops import Loop
from relay.report import Reporter
from relay.service.rooms import Store
from relay.service.slumber import Slumber
from relay.settings import Settings
from relay.slack.dial import Dialer
from relay.slack.inbox import Inbox
from relay.slack.inboxes import Inboxes
from relay.slack.options import SlackOptions
from relay.slack.replies import ReplyPost
from relay.slack.supervisor import Supervisor
from relay.slack.web_api import WebApi
from relay.store.shards import Shard

LAST_WRITES_S = 2.0
"""Of the time for an orderly end, what is kept for writing down what came of the last POSTs."""


class Work:
    """Made once Redis has said how many shards there are: raises StoreAway until then."""

    def __init__(
        self, store: Store, poster: Poster, settings: Settings, *, report: Reporter, trace: Trace | None = None
    ) -> None:
        self._poster = poster
        in_flight = InFlight(settings.deliver_options().in_flight, shards=len(store.shards))
        slumbers = [Slumber(shard.backlogs, shards=len(store.shards)) for shard in store.shards]
        self._shards = [
            ShardWork(
                *(shard, store, poster),
                settings=settings,
                share=in_flight.share(),
                slumber=slumber,
                report=report,
                trace=trace,
            )
            for shard, slumber in zip(store.shards, slumbers, strict=True)
        ]
        slack = settings.slack_options()
        dialer = Dialer(slack)
        self._supervisor = _supervisor(store, slack, self._shards, dialer=dialer, report=report)
        post = ReplyPost(store.connections, store.voices, WebApi(slack, dialer))
        self._speaking = [
            ShardSpeaking(shard, post, report, slumber=slumber, which=_which(shard.number, store))
            for shard, slumber in zip(store.shards, slumbers, strict=True)
        ]
        rooms = ReplayRooms(replays=store.replays, shards=store.shards, directory=store.directory)
        self._replay = Loop("replay", Replayer(rooms, report).turn, report)

    @property
    def beats(self) -> Mapping[str, float]:
        """When each loop last turned, by the steady clock."""
        return {loop.name: loop.last_turn for loop in self._loops()} | dict(self._supervisor.beats)

    @property
    def deaf(self) -> frozenset[ConnectionId] | None:
        """Connections that this process is to hold and does not hear; None before it knows which they are."""
        return self._supervisor.deaf

    @property
    def in_flight(self) -> int:
        return sum(shard.worker.in_flight for shard in self._shards)

    def start(self) -> None:
        for loop in self._loops():
            loop.start()
        self._supervisor.start()

    def stop(self, within_s: float) -> None:
        """In order: take nothing more, hand over the connections, store what was heard, finish what is in flight."""
        deadline = monotonic() + within_s
        for shard in self._shards:
            shard.worker.stop_claiming()
        for speaking in self._speaking:
            speaking.replier.stop_taking()
        self._supervisor.stop(min(5.0, within_s / 2))
        for loop in (self._replay, *chain.from_iterable((shard.fan_out, shard.claim) for shard in self._shards)):
            loop.stop(0.1)
        self._poster.close(max(0.0, deadline - monotonic() - LAST_WRITES_S))
        for shard in self._shards:
            nothing_left = shard.has_settled_all
            shard.settle.stop_when(nothing_left, max(0.1, deadline - monotonic()))
        for speaking in self._speaking:
            speaking.stop(max(0.1, deadline - monotonic()))

    def _loops(self) -> Iterator[Loop]:
        yield self._replay
        for shard in self._shards:
            yield from (shard.settle, shard.claim, shard.fan_out)
        for speaking in self._speaking:
            yield from (speaking.finish, speaking.take)


class ShardWork:
    """One shard's loops."""

    def __init__(
        self,
        shard: Shard,
        store: Store,
        poster: Poster,
        *,
        settings: Settings,
        share: Share,
        slumber: Slumber,
        report: Reporter,
        trace: Trace | None,
    ) -> None:
        rooms = Rooms(
            journal=shard.journal,
            deliveries=shard.deliveries,
            directory=store.directory,
            poster=poster,
            health=Health(store.webhooks, shard.deliveries, shard.journal, report=report, trace=trace),
            outcomes=shard.outcomes,
            notices=store.notices,
            trace=trace,
        )
        which = _which(shard.number, store)
        self._slumber = slumber
        self.worker = Worker(rooms, settings.deliver_options(), report, share=share)
        self._events = FanOut(shard.journal, store.directory, report, borrow=self.worker.borrow, trace=trace)
        self.fan_out = Loop(f"fan out{which}", slumber.awaited(self._events.turn), report)
        self.claim = Loop(f"claim{which}", slumber.awaited(self.worker.claim), report)
        self.settle = Loop(f"settle{which}", self.worker.settle, report)

    def append(self, envelopes: Sequence[Envelope]) -> list[bool]:
        """As FanOut's. What comes wakes the shard."""
        self._slumber.end()
        return self._events.append(envelopes)

    def has_settled_all(self) -> bool:
        return not self.worker.in_flight


class ShardSpeaking:
    """One shard's replies: what endpoints answer is said in Slack."""

    def __init__(self, shard: Shard, post: Post, report: Reporter, *, slumber: Slumber, which: str) -> None:
        self.replier = Replier(shard.replies, post, report)
        self.take = Loop(f"take replies{which}", slumber.awaited(self.replier.take), report)
        self.finish = Loop(f"finish replies{which}", self.replier.finish, report)

    def stop(self, within_s: float) -> None:
        """What is being said is said to its end, and written down."""
        self.take.stop(0.1)
        self.finish.stop_when(lambda: not self.replier.speaking, within_s)


def _supervisor(
    store: Store, options: SlackOptions, journals: Sequence[ShardWork], *, dialer: Dialer, report: Reporter
) -> Supervisor:
    parts = len(store.shards)
    part = replace(options, buffer_events=options.buffer_events // parts, buffer_bytes=options.buffer_bytes // parts)
    inboxes = Inboxes(
        [
            Inbox(
                f"inbox{_which(shard.number, store)}",
                journal=journal,
                occurrences=store.occurrences,
                options=part,
                report=report,
            )
            for shard, journal in zip(store.shards, journals, strict=True)
        ]
    )
    return Supervisor(store.slack, inboxes=inboxes, dialer=dialer, options=options, report=report)


def _which(shard: int, store: Store) -> str:
    """Loops of several shards are told apart by their names."""
    return f" {shard}" if len(store.shards) > 1 else ""
