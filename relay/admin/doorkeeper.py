"""The doorkeeper: who calls, and how often one who guesses may guess.

A token is compared by its hash, in constant time, and the hash of a key is all that Redis has. After GUESSES wrong
tokens from one address, that address may try once in a while only; whoever has shown a right token before is not held
up by that.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest
from ipaddress import ip_address
from math import ceil
from typing import TypeVar

from relay.admin.endpoints import Caller
from relay.admin.problems import Problem
from relay.core.apikey import Scope, hash_token
from relay.store.apikeys import ApiKeys

T = TypeVar("T")

BOOTSTRAP = "bootstrap"

GUESSES = 10
"""Wrong tokens that one address may send at once."""
GUESS_EVERY_S = 6.0
"""And one more for each of these seconds."""
REMEMBERED = 10_000
"""Addresses, and right tokens, that are remembered; the oldest are forgotten first."""
USE_NOTED_S = 60.0
"""A key's last use is written down at most so often."""


@dataclass(slots=True)
class Guesses:
    """A bucket that fills with wrong tokens and leaks one every GUESS_EVERY_S."""

    level: float
    at: float

    def add(self, now: float) -> None:
        self.level = self.left(now) + 1
        self.at = now

    def left(self, now: float) -> float:
        return max(0.0, self.level - (now - self.at) / GUESS_EVERY_S)


class Doorkeeper:
    def __init__(self, admin_token: str, keys: ApiKeys, now: Callable[[], float]) -> None:
        self._admin_hash = hash_token(admin_token)
        self._keys = keys
        self._now = now
        self._guesses: OrderedDict[str, Guesses] = OrderedDict()
        self._welcome: OrderedDict[str, float] = OrderedDict()  # hashes of right tokens, and when their use was noted

    def __repr__(self) -> str:
        return f"<Doorkeeper, {len(self._guesses)} addresses have guessed>"

    def admit(self, authorization: str | None, address: str) -> Caller:
        """Who shows this `Authorization` header. Raises Problem (401, 429), StoreAway."""
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise _unauthorized("Send the header Authorization: Bearer <token>.")
        hashed = hash_token(token)
        if hashed not in self._welcome:
            self._slow_down(address)
        caller = self.caller(hashed)
        if caller is None:
            self._welcome.pop(hashed, None)
            self._note_guess(address)
            raise _unauthorized("This token is not known, or no longer valid.")
        return caller

    def caller(self, hashed: str) -> Caller | None:
        """Whose token has this hash. Raises StoreAway."""
        noted_at = self._welcome.get(hashed, 0.0)
        if compare_digest(hashed, self._admin_hash):
            _remember(self._welcome, hashed, noted_at)
            return Caller(name=BOOTSTRAP, scope=Scope.ADMIN)
        key = self._keys.find(hashed)
        if key is None:
            return None
        if self._now() - noted_at >= USE_NOTED_S:
            noted_at = self._now()
            self._keys.used(key.id, noted_at)
        _remember(self._welcome, hashed, noted_at)
        return Caller(name=key.id, scope=key.scope, webhooks=frozenset(key.webhooks))

    def _slow_down(self, address: str) -> None:
        guesses = self._guesses.get(address)
        over = guesses.left(self._now()) + 1 - GUESSES if guesses else 0.0
        if over > 0:
            wait = str(ceil(over * GUESS_EVERY_S))
            detail = "Too many wrong tokens came from this address."
            raise Problem(429, "too_many_requests", detail, headers=[("Retry-After", wait)])

    def _note_guess(self, address: str) -> None:
        guesses = self._guesses.get(address) or Guesses(0.0, self._now())
        guesses.add(self._now())
        _remember(self._guesses, address, guesses)


def client_address(peer: str, forwarded_for: str | None) -> str:
    """Whose request it is: the peer's, or what the nearest proxy says if the peer is one inside our own network.

    A platform's router (Heroku's) reaches us from a private address and appends the client's to X-Forwarded-For.
    """
    last = (forwarded_for or "").rpartition(",")[2].strip()
    try:
        return str(ip_address(last)) if ip_address(peer).is_private else peer
    except ValueError:
        return peer


def _remember(known: OrderedDict[str, T], key: str, value: T) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > REMEMBERED:
        known.popitem(last=False)


def _unauthorized(detail: str) -> Problem:
    return Problem(401, "unauthorized", detail, headers=[("WWW-Authenticate", 'Bearer realm="relay"')])
