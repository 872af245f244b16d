"""What it costs to find an event's webhooks among few and among very many, when the answer is the same small number."""

from collections.abc import Iterator
from time import perf_counter

from benchmarks.figures import Figure
from benchmarks.frames import event
from benchmarks.limit import SECRET
from benchmarks.scale import Scale
from relay.core.envelope import Envelope
from relay.core.ids import ConnectionId, WebhookId
from relay.core.matching import Matcher
from relay.core.rtm_event import Identity, RtmEnvelopes
from relay.core.webhook import Json, SigningSecret, Webhook

EVENTS = 2000
REPEATS = 5


def matching(scale: Scale) -> Iterator[Figure]:
    costs = {webhooks: cost_us(webhooks) for webhooks in scale.matchers}
    for webhooks, cost in costs.items():
        yield Figure(name=f"matching, {webhooks:,} webhooks", value=cost, unit="µs an event", note="two of them match")
    fewest, *_, most = costs.values()
    yield Figure(name="matching, growth from the fewest webhooks to the most", value=most / fewest, unit="times")


def cost_us(webhooks: int) -> float:
    """Of one event that two of so many webhooks want: by channel, and by channel and filter."""
    matcher = Matcher(_webhook(number) for number in range(webhooks))
    envelopes = [_envelope(number, webhooks) for number in range(EVENTS)]
    best_s = float("inf")
    for _ in range(REPEATS):
        began = perf_counter()
        found = sum(len(matcher.match(envelope)) for envelope in envelopes)
        best_s = min(best_s, perf_counter() - began)
        if found != 2 * EVENTS:
            raise SystemExit(f"{found} matches, where {2 * EVENTS} were to be found")
    return best_s / EVENTS * 1e6


def _webhook(number: int) -> Webhook:
    """Two for each channel; every second one has a filter that passes."""
    text: dict[str, Json] = {"event": {"text": [{"exists": True}], "user": [{"prefix": "U"}]}}
    return Webhook(
        id=WebhookId(f"wh_{number}"),
        url="https://example.com/hook",
        events=("message",),
        secrets=(SigningSecret(secret=SECRET),),
        channels=(f"C{number // 2}",),
        filter=text if number % 2 else None,
    )


def _envelope(number: int, webhooks: int) -> Envelope:
    """Its channel goes round among those of the webhooks."""
    moved = {**event(number), "channel": f"C{number * 7919 % (webhooks // 2)}"}
    (envelope,) = RtmEnvelopes(ConnectionId("con_1"), Identity(team="T1")).make(moved, 0.0)
    return envelope
