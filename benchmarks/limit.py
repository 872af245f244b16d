"""The limit: what Python can sign and POST over keep-alive when nothing has to be kept, matched or said.

Two bare loops, each a process of its own that prints its cost: `python -m benchmarks.limit gevent|curl URL POSTS
[CA]`. Both send the bytes that the relay would send, with both signatures, to the same nginx, 32 at a time, where they
are at their best. The faster of the two is the limit that all figures are compared with.
"""

import json
import sys
from collections.abc import Iterator
from time import perf_counter, process_time

from benchmarks.frames import APP, BOT_USER, TEAM, event
from relay.core.ids import ConnectionId, delivery_id
from relay.core.rtm_envelopes import RtmEnvelopes
from relay.core.rtm_event import Identity
from relay.core.signing import KeyRing, read_secret, sign_slack, sign_standard

IN_FLIGHT = 32
BODIES = 1000
SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
AGENT = "slack-webhook-relay/limit"
WARM_POSTS = 2000


def bodies() -> list[bytes]:
    """What the relay makes of the load's frames."""
    identity = Identity(team=TEAM, bot_user=BOT_USER, app=APP)
    maker = RtmEnvelopes(ConnectionId("con_limit"), identity)
    made: list[bytes] = []
    for number in range(BODIES):
        made += [envelope.body for envelope in maker.make(event(number), 0.0)]
    return made


def signed(posts: int) -> Iterator[tuple[list[str], bytes]]:
    """Header lines and body of each POST."""
    keys = KeyRing(read_secret(SECRET))
    known = bodies()
    fixed = ["Content-Type: application/json", f"User-Agent: {AGENT}"]
    for number in range(posts):
        body = known[number % BODIES]
        id, timestamp = delivery_id(number, 0), 1_700_000_000 + number // 1000
        yield (
            [
                *fixed,
                f"X-Slack-Request-Timestamp: {timestamp}",
                f"X-Slack-Signature: {sign_slack(keys, timestamp, body)}",
                f"webhook-id: {id}",
                f"webhook-timestamp: {timestamp}",
                f"webhook-signature: {sign_standard(keys, id, timestamp, body=body)}",
            ],
            body,
        )


def main() -> None:
    kind, url, posts, *rest = sys.argv[1:]
    ca_file = rest[0] if rest else None
    if kind == "gevent":
        from benchmarks.limit_gevent import post_all  # noqa: PLC0415  # each is alone in its process
    else:
        from benchmarks.limit_curl import post_all  # type: ignore[assignment]  # noqa: PLC0415  # the same
    post_all(signed(WARM_POSTS), url, ca_file)
    ready = signed(int(posts))
    began, cpu_began = perf_counter(), process_time()
    done = post_all(ready, url, ca_file)
    cost = {"posts": done, "cpu_s": process_time() - cpu_began, "seconds": perf_counter() - began}
    sys.stdout.write(json.dumps(cost))


if __name__ == "__main__":
    main()
