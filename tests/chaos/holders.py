"""`python -m tests.chaos.holders`: two workers hold one connection under steady traffic; now the holder is killed, now
the standby, with SIGKILL. What was lost and what came twice is counted at the receiver, from nothing but the requests.

With `--bots 2` there are two connections of one workspace, and a webhook for each beside the one for all.
"""

import gevent.monkey

gevent.monkey.patch_all()

# ruff: noqa: E402  the patch comes before everything that it patches
import json
import signal
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from time import monotonic, time

import click
import gevent

from relay.core.connection import Connection, Kind
from relay.core.ids import ConnectionId, WebhookId
from relay.core.ledger import Ledger
from relay.core.shares import holders
from relay.core.webhook import Json, SigningSecret, Webhook
from relay.simulator.options import BOT_TOKEN, SimulatorOptions
from relay.simulator.slack import SimulatedSlack
from relay.store.client import GLOBAL, Client, StoreOptions
from relay.store.connections import DEFAULT_RTM, Connections
from relay.store.deliveries import Deliveries
from relay.store.journal import Journal
from relay.store.keys import Keys
from relay.store.reply import rows, text
from relay.store.vault import Vault
from relay.store.webhooks import Webhooks
from tests.chaos.counting import Count, Request, count, told
from tests.chaos.endpoints import SECRET
from tests.receivers import Answer, Got, Receiver
from tests.servers import RedisServer
from tests.store.audit import audit
from tests.waiting import until
from tests.whole.program import Program

ANSWER_S = 0.05
"""The receiver takes its time, so that a kill meets POSTs in flight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    seconds: float = 60.0
    kills: int = 0  # at least so many, however long it takes
    rate: float = 200.0  # events a second
    bots: int = 1
    between: int = 400  # events between one kill's repair and the next kill
    settles_within_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    counts: Mapping[str, Count]  # for each webhook
    ledger: Ledger
    audit: Sequence[str]

    @property
    def good(self) -> bool:
        return all(count.good for count in self.counts.values()) and self.ledger.closes and not self.audit


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
        self._journal = Journal(client)
        self._kills: list[float] = []
        self._requests: defaultdict[str, list[Request]] = defaultdict(list)
        self._hooks: list[str] = []

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
            counts={hook: count(emitted, self._requests[hook], self._kills) for hook in self._hooks},
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
            until(lambda: len(self._slack.rtm.connections) == self._plan.bots)
            crew.hire()
            self._until_held()
        self._slack.people.rate = 0.0

    def _hear_traffic(self) -> None:
        enough = self._slack.emitted_count + self._plan.between
        until(lambda: self._slack.emitted_count > enough, 60.0, saying="there is traffic")

    def _until_held(self) -> None:
        wanted = 2 * self._plan.bots
        until(lambda: len(self._slack.rtm.connections) == wanted, 30.0, saying="both places are taken")

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
        for hook in self._hooks:
            until(lambda hook=hook: self._has(hook, told(end)), saying="the end has come")  # type: ignore[misc]  # mypy knows no default of a lambda

    def _has(self, hook: str, said: str) -> bool:
        return any(request.said == said for request in reversed(self._requests[hook]))

    def _is_quiet(self) -> bool:
        """Everything that was stored is delivered."""
        [newest] = self._journal.newest("+", 1)
        return self._journal.cursor() == newest.position and not self._deliveries.ledger().outstanding

    def _register(self, url: str) -> None:
        """One webhook for all, and with several bots one for each; what they get is told apart by its path."""
        vault = Vault(())
        bots = [DEFAULT_RTM, *(ConnectionId(f"con_bot{number}") for number in range(1, self._plan.bots))]
        for id, token in zip(bots[1:], bot_tokens(self._plan)[1:], strict=True):
            Connections(self._client, vault).add(Connection(id=id, kind=Kind.RTM, token=token))
        limits: dict[str, tuple[ConnectionId, ...]] = {"all": ()}
        if len(bots) > 1:
            limits |= {id.removeprefix("con_"): (id,) for id in bots}
        for name, connections in limits.items():
            self._hooks.append(name)
            Webhooks(self._client, vault).add(
                Webhook(
                    id=WebhookId(f"wh_{name}"),
                    url=url + name,
                    events=("**",),
                    connections=connections,
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
        self._requests[got.path.strip("/")].append(
            Request(
                event=body["event_id"],
                delivery=got.headers["webhook-id"],
                said="" if event["type"] == "app_mention" else told(event),
                began=began,
                ended=time(),
            )
        )
        return Answer()


def bot_tokens(plan: Plan) -> tuple[str, ...]:
    return (BOT_TOKEN, *(f"{BOT_TOKEN}-{number}" for number in range(1, plan.bots)))


def attacked(plan: Plan) -> Outcome:
    options = SimulatorOptions(remembered=1_000_000, bot_tokens=bot_tokens(plan))
    with RedisServer(append_only=True) as redis, SimulatedSlack(options) as slack:
        client = Client(StoreOptions(url=redis.url))
        try:
            return Attack(plan, slack, client).run(redis)
        finally:
            client.close()


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="How long the attack lasts.")
@click.option("--rate", default=200.0, show_default=True, help="Events a second.")
@click.option("--bots", default=1, show_default=True, help="Connections of the one workspace.")
def main(*, seconds: float, rate: float, bots: int) -> None:
    """Two workers, one workspace, one receiver; holder and standby killed in turn."""
    outcome = attacked(Plan(seconds=seconds, rate=rate, bots=bots))
    for hook, seen in outcome.counts.items():
        click.echo(f"webhook {hook}:")
        show(seen)
    click.echo(f"ledger: {outcome.ledger}, which {'closes' if outcome.ledger.closes else 'DOES NOT CLOSE'}")
    for finding in outcome.audit:
        click.echo(f"BROKEN: {finding}")
    click.echo("The promises were kept." if outcome.good else "The promises were NOT kept.")
    sys.exit(0 if outcome.good else 1)


def show(told_of: Count) -> None:
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
    for after_s in told_of.unexplained:
        click.echo(f"BROKEN: a POST came again that had come {after_s:+.3f} s from the nearest kill")


if __name__ == "__main__":
    main()
