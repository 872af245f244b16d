"""Both signatures of a callback, with one secret, and a ring of secrets that knows its newest.

Slack's v0 (docs.slack.dev/authentication/verifying-requests-from-slack): the key is the secret as the string that it
is. Standard Webhooks 1.0 (github.com/standard-webhooks/standard-webhooks, spec): the key is the decoded part after
`whsec_`, and while a secret is being rotated there is one signature for each live key. Slack's header holds one
signature only, so the newest signs it.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest

from relay.core.errors import RelayError
from relay.core.webhook import SigningSecret

PREFIX = "whsec_"
SECRET_BYTES = 32
"""What a secret made here has."""
LEAST_BYTES, MOST_BYTES = 24, 64
"""What the standard allows."""

BLOCK_BYTES = 64
"""SHA-256's."""


class BadSecret(RelayError):
    """Not `whsec_` and base64 of 24 to 64 bytes."""


class Code:
    """HMAC-SHA256 (RFC 2104) under one key: both its hashes are begun once and copied for each message, at half of what
    a copy of the standard library's costs.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (key if len(key) <= BLOCK_BYTES else sha256(key).digest()).ljust(BLOCK_BYTES, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))

    def over(self, message: bytes) -> bytes:
        """Its code, of 32 bytes."""
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


@dataclass(frozen=True, slots=True)
class Key:
    """One secret, as each scheme wants it."""

    slack: Code = field(repr=False)
    standard: Code = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The newest key, and those that still sign beside it."""

    newest: Key
    older: tuple[Key, ...] = ()


def make_secret(dice: bytes) -> str:
    """A secret from SECRET_BYTES of dice."""
    return PREFIX + b64encode(dice).decode()


@lru_cache(maxsize=65536)
def read_secret(secret: str) -> Key:
    """Raises BadSecret."""
    try:
        standard = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise BadSecret("a secret is whsec_ and base64") from None
    if not secret.startswith(PREFIX) or not LEAST_BYTES <= len(standard) <= MOST_BYTES:
        raise BadSecret(f"a secret is whsec_ and base64 of {LEAST_BYTES} to {MOST_BYTES} bytes")
    return Key(Code(secret.encode()), Code(standard))


def ring(secrets: Sequence[SigningSecret], now: float) -> KeyRing:
    """The keys that sign at `now`; `secrets` has the newest first. Raises BadSecret."""
    if not secrets:
        raise BadSecret("no key in RELAY_SECRET_KEY opens the webhook's secrets")
    if len(secrets) == 1:
        return _alone(secrets[0].secret)
    live = [read_secret(one.secret) for one in secrets[1:] if one.until is None or one.until > now]
    return KeyRing(read_secret(secrets[0].secret), tuple(live))


@lru_cache(maxsize=65536)
def _alone(secret: str) -> KeyRing:
    return KeyRing(read_secret(secret))


def sign_slack(keys: KeyRing, timestamp: int, body: bytes) -> str:
    """The value of `X-Slack-Signature`."""
    return "v0=" + keys.newest.slack.over(_stamp(timestamp) + body).hex()


@lru_cache(maxsize=2)
def _stamp(timestamp: int) -> bytes:
    """The same for all callbacks of one second."""
    return b"v0:%d:" % timestamp


def sign_standard(keys: KeyRing, id: str, timestamp: int, *, body: bytes) -> str:
    """The value of `webhook-signature`: newest first, separated by spaces."""
    message = f"{id}.{timestamp}.".encode() + body
    signature = _word(keys.newest.standard.over(message))
    for key in keys.older:
        signature += " " + _word(key.standard.over(message))
    return signature


def _word(code: bytes) -> str:
    return "v1," + binascii.b2a_base64(code, newline=False).decode()


def verifies_slack(keys: KeyRing, signature: str, *, timestamp: int, body: bytes) -> bool:
    """Whether `X-Slack-Signature` is ours, in constant time."""
    return compare_digest(signature, sign_slack(keys, timestamp, body))


def verifies_standard(keys: KeyRing, signature: str, *, id: str, timestamp: int, body: bytes) -> bool:
    """Whether one of the signatures in `webhook-signature` is ours, in constant time."""
    ours = sign_standard(keys, id, timestamp, body=body).split()
    return any(compare_digest(theirs, mine) for theirs in signature.split() for mine in ours)
