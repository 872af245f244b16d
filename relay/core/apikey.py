"""API keys: who else may ask the API, and for what. Only a key's hash is ever kept."""

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from relay.core.ids import KeyId, WebhookId, base32

PREFIX = "rk_"
TOKEN_BYTES = 32
"""Dice for one key: too many to guess, so a plain hash of it is safe to keep."""


class Scope(StrEnum):
    """What a token is good for."""

    READ = "read"  # everything may be looked at, but for secrets
    OWNER = "owner"  # its own webhooks may be looked at and changed, and their deliveries; nothing else
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    id: KeyId
    name: str
    scope: Scope
    webhooks: tuple[WebhookId, ...] = ()  # an owner's own
    hash: str = field(repr=False)
    created_at: float
    last_used_at: float | None = None


def make_token(dice: bytes) -> str:
    """A key from TOKEN_BYTES of dice."""
    return PREFIX + base32(int.from_bytes(dice), TOKEN_BYTES * 8 // 5 + 1)


def hash_token(token: str) -> str:
    """What is kept of a token, and compared."""
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
