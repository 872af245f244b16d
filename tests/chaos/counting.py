"""What a receiver's requests say about a relay whose workers were killed: what was lost, what came twice."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

WRITES_S = 2.0
"""Between the receiver's yes and its being written down: what is killed in there is posted again."""

READS_S = 0.2
"""What a worker sent in its last moment may lie in the receiver's socket for so long."""

MADE_BY_US = ("event_ts", "channel_type")
"""What the relay adds to an event of RTM."""


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
