"""One sight of an event that has no time of its own, on one socket; store/occurrences.py tells whether it is a new
one."""

from msgspec import Struct


class Sighting(Struct, frozen=True, kw_only=True):
    fingerprint: str  # the same for equal content
    socket: str  # a name that no other socket ever has
    number: int  # grows with each sighting on that socket
    earliest: float  # seconds of our steady clock: it left Slack not before this
    latest: float  # seconds of our steady clock: we had it by then
