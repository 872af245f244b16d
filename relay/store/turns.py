"""rtm.connect may be called about once a minute, with small bursts (Slack's tier 1): one budget for all processes
with the same token."""

from hashlib import sha256

from relay.store.client import GLOBAL, Client, Script
from relay.store.reply import integer

TURN_MS = 60_000
BURST = 8
"""Slack tolerates small bursts, without a number. This one lets two holders start and then a bad minute pass at the
pace of core/backoff.py; whoever needs more goes at one a minute, as all do from Slack's first 429 on."""


class Turns:
    __slots__ = ("_client", "_take")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._take = Script("take_turn", shard=False)

    def take(self, token: str) -> float:
        """Seconds to wait before asking again; 0.0: it is our turn. Raises StoreAway."""
        return self._run(token, "") / 1000

    def limited(self, token: str, wait_s: float) -> None:
        """Slack has told one of us to wait: let all wait. Raises StoreAway."""
        self._run(token, str(int(wait_s * 1000)))

    def give_back(self, token: str) -> None:
        """The call did not reach Slack. Raises StoreAway."""
        self._run(token, "back")

    def _run(self, token: str, told: str) -> int:
        name = sha256(token.encode()).hexdigest()[:32]
        return integer(self._client.run(self._take, GLOBAL, (name, TURN_MS, BURST, told)))
