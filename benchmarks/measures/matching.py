"""What it costs to find an event's webhooks among few and among very many, when the answer is the same small number."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from time import perf_counter

from benchmarks.figures import Figure
from benchmarks.frames import event
from benchmarks.limit import SECRET
from benchmarks.scale import Scale
from relay.core.envelope import Envelope
from relay.core.ids import ConnectionId, WebhookId
from relay.core.matching import Matcher
from relay.core.rtm_envelopes import RtmEnvelopes
from relay.core.rtm_event import Identity
from relay.core.webhook import Json, SigningSecret, Webhook

EVENTS = 2000
EVENTS_OF_AN_OPERATOR = 50
REPEATS = 5

REPLIES = 50_007
"""The number that every event has for the numeric filters; it lies in none of their ranges."""

REFUSING: Mapping[str, Callable[[int], dict[str, Json]]] = {
    "a value": lambda n: {"user": [f"X{n}"]},
    "prefix": lambda n: {"text": [{"prefix": f"{n} deploy"}]},
    "suffix": lambda n: {"text": [{"suffix": f"through {n}"}]},
    "equals-ignore-case": lambda n: {"text": [{"equals-ignore-case": f"Deploy {n}"}]},
    "prefix in any case": lambda n: {"text": [{"prefix": {"equals-ignore-case": f"{n} DEPLOY"}}]},
    "wildcard, with a start": lambda n: {"text": [{"wildcard": f"deploy {n} to *through"}]},
    "wildcard, of a piece": lambda n: {"text": [{"wildcard": f"*release {n:05}*"}]},
    "numeric, one bound": lambda n: {"reply_count": [{"numeric": [">", REPLIES + n]}]},
    "numeric, two bounds": lambda n: {"reply_count": [{"numeric": [">=", 10 * n, "<", 10 * n + 5]}]},
    "cidr": lambda n: {"address": [{"cidr": f"10.{n >> 12}.{n >> 4 & 255}.{(n & 15) << 4}/28"}]},
    "$or": lambda n: {"$or": [{"user": [f"X{n}"]}, {"text": [{"prefix": f"{n} deploy"}]}]},
    "exists": lambda _: {"bot_id": [{"exists": True}]},
    "anything-but, the same": lambda _: {"type": [{"anything-but": "message"}]},
    "anything-but, all different": lambda n: {"type": [{"anything-but": ["message", f"X{n}"]}]},
}
"""Filters that no event of the load passes: the n-th of each operator. All stand behind the same selector."""


def matching(scale: Scale) -> Iterator[Figure]:
    yield from _growing("", {webhooks: by_channel_us(webhooks) for webhooks in scale.matchers})
    for operator in REFUSING:
        yield from _growing(f" by {operator}", {count: by_filter_us(operator, count) for count in scale.matchers})


def _growing(how: str, costs: Mapping[int, float]) -> Iterator[Figure]:
    for webhooks, cost in costs.items():
        yield Figure(name=f"matching{how}, {webhooks:,} webhooks", value=cost, unit="µs an event", note="two match")
    fewest, *_, most = costs.values()
    yield Figure(name=f"matching{how}, growth from the fewest webhooks to the most", value=most / fewest, unit="times")


def by_channel_us(webhooks: int) -> float:
    """Of one event that two of so many webhooks want: by channel, and by channel and filter."""
    passing: dict[str, Json] = {"event": {"text": [{"exists": True}], "user": [{"prefix": "U"}]}}
    crowd = (
        _webhook(number, channels=(f"C{number // 2}",), filter=passing if number % 2 else None)
        for number in range(webhooks)
    )
    arriving = [_envelope(number, channel=f"C{number * 7919 % (webhooks // 2)}") for number in range(EVENTS)]
    return _cost_us(Matcher(crowd), arriving)


def by_filter_us(operator: str, webhooks: int) -> float:
    """Of one event that two of so many webhooks want, where the others have filters of this kind."""
    crowd = [_webhook(number, filter={"event": REFUSING[operator](number)}) for number in range(webhooks - 2)]
    wanting = [_webhook(webhooks + number, filter={"event": {"user": [{"prefix": "U"}]}}) for number in range(2)]
    arriving = [_envelope(number, reply_count=REPLIES, address="11.0.0.1") for number in range(EVENTS_OF_AN_OPERATOR)]
    return _cost_us(Matcher([*crowd, *wanting]), arriving)


def _cost_us(matcher: Matcher, envelopes: list[Envelope]) -> float:
    best_s = float("inf")
    for _ in range(REPEATS):
        began = perf_counter()
        found = sum(len(matcher.match(envelope)) for envelope in envelopes)
        best_s = min(best_s, perf_counter() - began)
        if found != 2 * len(envelopes):
            raise SystemExit(f"{found} matches, where {2 * len(envelopes)} were to be found")
    return best_s / len(envelopes) * 1e6


def _webhook(number: int, *, channels: Iterable[str] = (), filter: Mapping[str, Json] | None = None) -> Webhook:
    return Webhook(
        id=WebhookId(f"wh_{number}"),
        url="https://example.com/hook",
        events=("message",),
        secrets=(SigningSecret(secret=SECRET),),
        channels=tuple(channels),
        filter=filter,
    )


def _envelope(number: int, **fields: Json) -> Envelope:
    moved = {**event(number), **fields}
    (envelope,) = RtmEnvelopes(ConnectionId("con_1"), Identity(team="T1")).make(moved, 0.0)
    return envelope
