"""Where a delivery's microseconds go: each step of its walk alone, again and again, with nothing between.

Warm like that a step takes half of what it does in its place, where each comes upon caches that the others have
filled; the shares are what counts. What is missing here is gevent, the kernel, redis-py, and Python's memory.
"""

from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from timeit import repeat

from benchmarks.figures import Figure
from benchmarks.frames import APP, BOT_USER, TEAM, channel, frame
from benchmarks.limit import SECRET
from benchmarks.scale import Scale
from relay.cli.log import Report
from relay.core.callback import write_callback
from relay.core.delivery import Claim
from relay.core.envelope import Envelope
from relay.core.ids import ConnectionId, WebhookId, delivery_id
from relay.core.matching import Matcher
from relay.core.outcome import Answered, Timing
from relay.core.rtm_envelopes import RtmEnvelopes
from relay.core.rtm_event import Identity
from relay.core.rtm_session import RtmSession
from relay.core.session import Happened
from relay.core.tally import Tally
from relay.core.url import VettedUrl
from relay.core.webhook import SigningSecret, Webhook
from relay.deliver.answer import Answer
from relay.deliver.familiar import Familiar
from relay.deliver.request import Request
from relay.deliver.target import Target
from relay.deliver.verdicts import Try, conclude
from relay.deliver.way import Ways

REPEATS = 7
NOW = 1_700_000_000.5
SAID = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Tue, 24 Nov 2026 02:14:43 GMT\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 2\r\nConnection: keep-alive\r\n\r\nok"
)


def steps(scale: Scale) -> Iterator[Figure]:
    timed = {name: _us(step, scale.steps) for name, step in _walk().items()}
    whole = sum(timed.values())
    for name, cost in timed.items():
        yield Figure(name=f"step: {name}", value=cost, unit="µs", note=f"{100 * cost / whole:.0f} % of these steps")


def _us(step: Callable[[], object], times: int) -> float:
    return min(repeat(step, number=times, repeat=REPEATS)) / times * 1e6


def _walk() -> Mapping[str, Callable[[], object]]:
    """Each step, given what the one before has made."""
    session = RtmSession(asked_at=0.0, opened_at=0.0)
    session.receive([b'{"type":"hello"}'])
    texts = [frame(1)]
    (happened,) = session.receive(texts)
    assert isinstance(happened, Happened)  # noqa: S101  # for mypy
    maker = RtmEnvelopes(ConnectionId("con_steps"), Identity(team=TEAM, bot_user=BOT_USER, app=APP))
    rooms, made = {channel(1): "channel"}, list[Envelope]()

    def make() -> None:
        made.clear()
        rows = zip(happened.events, texts, maker.ids(happened.events), strict=True)
        maker.make_plain(rows, NOW, rooms=rooms, into=made)

    make()
    (envelope,) = made
    return {
        "a frame's text is read": lambda: session.receive(texts),
        "the event gets its id and envelope": make,
        **_walk_of_delivery(envelope),
    }


def _walk_of_delivery(envelope: Envelope) -> Mapping[str, Callable[[], object]]:
    host, port = "127.0.0.1", 8080
    url = f"http://{host}:{port}/hook"
    webhook = Webhook(id=WebhookId("wh_steps"), url=url, events=("message",), secrets=(SigningSecret(secret=SECRET),))
    matcher = Matcher([webhook])
    claim = Claim(
        sequence=1, id=delivery_id(1, 0), webhook=webhook.id, event_id=envelope.event_id, tries=0, losses=0, fence=1,
        lease_s=35.0,
    )  # fmt: skip
    headers, body = write_callback(webhook, envelope, claim, agent="relay", now=NOW, traced=False)
    request = Request(url=url, headers=headers, body=body, timeout_s=30.0, keep_bytes=4096)
    target = Target(VettedUrl(url=url, scheme="http", host=host, port=port, literal=None), None, Ways())
    answer, familiar = Answer(), Familiar()
    answer.feed(SAID)
    familiar.learn(SAID, answer)
    timing = Timing(first_byte_s=0.000812, total_s=0.000899)
    outcome = Answered(status=200, headers=answer.heard.headers, excerpt=b"ok", timing=timing)
    attempt = Try(claim=claim, webhook=webhook, envelope=envelope, at=NOW)
    said = conclude(attempt, outcome, now=NOW, dice=0.5).fact
    tally, report = Tally(), Report(StringIO(), as_json=True)
    return {
        "its webhooks are found": lambda: matcher.match(envelope),
        "the callback is written and signed twice": lambda: write_callback(
            webhook, envelope, claim, agent="relay", now=NOW, traced=False
        ),
        "the request is written": lambda: target.write(request),
        "the answer is looked up": lambda: familiar.recall(SAID),
        "it is judged, and its attempt written": lambda: conclude(attempt, outcome, now=NOW, dice=0.5),
        "it is counted": lambda: said.count_all((said,), tally),
        "its log line is written": lambda: report(said),
    }
