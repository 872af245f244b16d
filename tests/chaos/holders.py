"""`python -m tests.chaos.holders`: two workers hold one connection under steady traffic; now the holder is killed, now
the standby, with SIGKILL. What was lost and what came twice is counted at the receiver, from nothing but the requests.
"""

import gevent.monkey

gevent.monkey.patch_all()

# ruff: noqa: E402  the patch comes before everything that it patches
import json
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from time import monotonic, time

import click
import gevent

from relay.core.ids import WebhookId
from relay.core.ledger import Ledger
from relay.core.shares import holders
from relay.core.webhook import Json, SigningSecret, Webhook
from relay.simulator.options import BOT_TOKEN, SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from relay.store.client import GLOBAL, Client, StoreOptions
from relay.store.connections import DEFAULT_RTM
from relay.store.deliveries import Deliveries
from relay.store.keys import Keys
from relay.store.reply import integer, rows, text
from relay.store.vault import Vault
from relay.store.webhooks import Webhooks
from tests.chaos.endpoints import SECRET
from tests.receivers import Answer, Got, Receiver
from tests.servers import RedisServer
from tests.store.audit import audit
from tests.waiting import until
from tests.whole.program import Program

ANSWER_S = 0.05
"""The receiver takes its time, so that a kill meets POSTs in flight."""

WRITES_S = 2.0
"""Between the receiver's yes and its being written down: what is killed in there is posted again."""

READS_S = 0.2
"""What a worker sent in its last moment may lie in the receiver's socket for so long."""

MADE_BY_US = ("event_ts", "channel_type")
"""What the relay adds to an event of RTM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    seconds: float = 60.0
    kills: int = 0  # at least so many, however long it takes
    rate: float = 200.0  # events a second
    between: int = 400  # events between one kill's repair and the next kill
    settles_within_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One that the receiver got."""

    event: str  # its event_id
    delivery: str  # its webhook-id
    said: str  # what Slack said, without what the relay adds; "" for what the relay made alone
    began: float  # Unix seconds
    ended: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    emitted: int
    arrived: int  # different events
    lost: int
    foreign: int  # that nobody had said, or not so often
    doubled: int  # events that came under several webhook-ids
    again: int  # requests with a webhook-id that had come before
    unexplained: Sequence[float]  # of these, those that had been before while nobody was killed: seconds after a kill
    kills: int

    @property
    def good(self) -> bool:
        return not (self.lost or self.foreign or self.doubled or self.unexplained)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    count: Count
    ledger: Ledger
    audit: Sequence[str]

    @property
    def good(self) -> bool:
        return self.count.good and self.ledger.closes and not self.audit


def told(event: Mapping[str, object]) -> str:
    """What Slack said: by that, and not by an id of the relay's, an event is known again."""
    return json.dumps({name: value for name, value in event.items() if name not in MADE_BY_US}, sort_keys=True)


def count(emitted: Iterable[str], requests: Sequence[Request], kills: Sequence[float]) -> Count:
    sent = Counter(emitted)
    events = {request.event: request.said for request in requests if request.said}
    came = Counter(events.values())
    ids: dict[str, set[str]] = {}
    copies: dict[str, list[Request]] = {}
    for request in sorted(requests, key=lambda each: each.began):
        ids.setdefault(request.event, set()).add(request.delivery)
        copies.setdefault(request.delivery, []).append(request)
    earlier = [request for each in copies.values() for request in each[:-1]]
    return Count(
        emitted=sent.total(),
        arrived=len(events),
        lost=(sent - came).total(),
        foreign=(came - sent).total(),
        doubled=sum(len(each) > 1 for each in ids.values()),
        again=len(earlier),
        unexplained=[
            min((one.began - kill for kill in kills), key=abs, default=one.began)
            for one in earlier
            if not any(one.began - READS_S <= kill <= one.ended + WRITES_S for kill in kills)
        ],
        kills=len(kills),
    )


@dataclass(slots=True)
class Crew:
    """The workers, by the names that they go by in Redis."""

    env: Mapping[str, str]
    client: Client
    running: ExitStack
    members: dict[str, Program] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def hire(self) -> None:
        program = self.running.enter_context(Program("worker", self.env))
        [name] = until(lambda: self._known() - self.seen, 30.0, saying="the new worker is there")
        self.seen.add(name)
        self.members[name] = program

    def kill(self, *, standby: bool) -> float:
        """The moment at which it was done."""
        holder, other = holders(DEFAULT_RTM, self.members)
        program = self.members.pop(other if standby else holder)
        at = time()
        program.end(signal.SIGKILL)
        return at

    def _known(self) -> set[str]:
        return {text(name) for name in rows(self.client.redis.zrange(Keys(GLOBAL)("workers"), 0, -1))}


class Attack:
    def __init__(self, plan: Plan, slack: SimulatedSlack, client: Client) -> None:
        self._plan = plan
        self._slack = slack
        self._client = client
        self._deliveries = Deliveries(client)
        self._kills: list[float] = []
        self._requests: list[Request] = []

    def run(self, redis: RedisServer) -> Outcome:
        env = {"REDIS_URL": redis.url, "SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_API_URL": self._slack.api_url}
        with ExitStack() as running:
            receiver = running.enter_context(Receiver(self._take))
            self._register(receiver.url)
            crew = Crew(env, self._client, running)
            crew.hire()
            crew.hire()
            self._until_held()
            self._attack(crew)
            self._say_that_this_is_the_end()
            emitted = [told(event) for event in self._slack.emitted if event["type"] != "presence_change"]
            until(self._is_quiet, self._plan.settles_within_s, saying="everything was delivered")
        return Outcome(
            count=count(emitted, self._requests, self._kills),
            ledger=self._deliveries.ledger(),
            audit=audit(redis.client),
        )

    def _attack(self, crew: Crew) -> None:
        ends_at = monotonic() + self._plan.seconds
        self._slack.people.rate = self._plan.rate
        for standby in cycle((False, True)):
            self._hear_traffic()
            if monotonic() > ends_at and len(self._kills) >= self._plan.kills:
                break
            self._kills.append(crew.kill(standby=standby))
            until(lambda: len(self._slack.rtm.connections) == 1)
            crew.hire()
            self._until_held()
        self._slack.people.rate = 0.0

    def _hear_traffic(self) -> None:
        enough = self._slack.emitted_count + self._plan.between
        until(lambda: self._slack.emitted_count > enough, 60.0, saying="there is traffic")

    def _until_held(self) -> None:
        until(lambda: len(self._slack.rtm.connections) == 2, 30.0, saying="both places are taken")

    def _say_that_this_is_the_end(self) -> None:
        """A socket keeps order: when this has come, everything has that comes at all."""
        end: dict[str, Json] = {
            "type": "message",
            "channel": "C0END",
            "user": "U0END",
            "text": "the end",
            "ts": f"{time():.6f}",
        }
        self._slack.emit(end)
        until(lambda: any(request.said == told(end) for request in reversed(self._requests)), saying="the end has come")

    def _is_quiet(self) -> bool:
        """Everything that was stored is delivered."""
        ledger = self._deliveries.ledger()
        stored = integer(self._client.redis.xlen(Keys(0)("journal")))
        return ledger.events == stored and not ledger.outstanding

    def _register(self, url: str) -> None:
        Webhooks(self._client, Vault(())).add(
            Webhook(
                id=WebhookId("wh_all"),
                url=url,
                events=("**",),
                secrets=(SigningSecret(secret=SECRET),),
                timeout_s=2.0,
                max_in_flight=100,
            )
        )

    def _take(self, got: Got) -> Answer:
        began = time()
        gevent.sleep(ANSWER_S)
        body = json.loads(got.body)
        event = body["event"]
        self._requests.append(
            Request(
                event=body["event_id"],
                delivery=got.headers["webhook-id"],
                said="" if event["type"] == "app_mention" else told(event),
                began=began,
                ended=time(),
            )
        )
        return Answer()


def attacked(plan: Plan) -> Outcome:
    with RedisServer(append_only=True) as redis, SimulatedSlack(SimulatorOptions(remembered=1_000_000)) as slack:
        client = Client(StoreOptions(url=redis.url))
        try:
            return Attack(plan, slack, client).run(redis)
        finally:
            client.close()


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="How long the attack lasts.")
@click.option("--rate", default=200.0, show_default=True, help="Events a second.")
def main(*, seconds: float, rate: float) -> None:
    """Two workers, one connection, one receiver; holder and standby killed in turn."""
    outcome = attacked(Plan(seconds=seconds, rate=rate))
    told_of = outcome.count
    for name, number in (
        ("workers killed", told_of.kills),
        ("events said in Slack", told_of.emitted),
        ("events at the receiver", told_of.arrived),
        ("lost", told_of.lost),
        ("came without having been said", told_of.foreign),
        ("doubled (several webhook-ids)", told_of.doubled),
        ("POSTs again with the same webhook-id", told_of.again),
        ("of these, not in flight at a kill", len(told_of.unexplained)),
    ):
        click.echo(f"{number:>10,}  {name}")
    click.echo(f"ledger: {outcome.ledger}, which {'closes' if outcome.ledger.closes else 'DOES NOT CLOSE'}")
    for after_s in told_of.unexplained:
        click.echo(f"BROKEN: a POST came again that had come {after_s:+.3f} s from the nearest kill")
    for finding in outcome.audit:
        click.echo(f"BROKEN: {finding}")
    click.echo("The promises were kept." if outcome.good else "The promises were NOT kept.")
    sys.exit(0 if outcome.good else 1)


if __name__ == "__main__":
    main()
