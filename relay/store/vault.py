"""Secrets at rest: Slack tokens and webhook secrets are sealed before they are written to Redis.

Fernet (AES-128-CBC and HMAC-SHA256, `cryptography`). `RELAY_SECRET_KEY` is a list: the first key seals, all open, so a
key is rotated by putting a new one in front. A key may be any text; a Fernet key is derived from it with SHA-256, so
it should
be long and random (`openssl rand -base64 32`). Without a key (a loopback bind only), secrets are kept as they are,
marked so.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from relay.store.errors import StoreAway

PLAIN = "plain:"
SEALED = "fernet:"


class Unsealable(StoreAway):
    """A secret that none of the keys opens. It is there, and so is what belongs to it: whoever needs it waits, as for
    Redis itself, until a process comes that has the key.
    """


class Vault:
    __slots__ = ("_fernet",)

    def __init__(self, keys: tuple[str, ...] = ()) -> None:
        """`keys`: newest first; () keeps secrets as they are."""
        self._fernet = MultiFernet([Fernet(_derive(key)) for key in keys]) if keys else None

    def __repr__(self) -> str:
        return f"Vault({'sealing' if self._fernet else 'open'})"

    def seal(self, secret: str) -> str:
        if self._fernet is None:
            return PLAIN + secret
        return SEALED + self._fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """The secret. Raises Unsealable if no key fits: RELAY_SECRET_KEY lost the key it was sealed with."""
        if sealed.startswith(PLAIN):
            return sealed.removeprefix(PLAIN)
        if self._fernet is None:
            raise Unsealable("a secret in Redis is sealed, and RELAY_SECRET_KEY is not set")
        try:
            return self._fernet.decrypt(sealed.removeprefix(SEALED).encode()).decode()
        except InvalidToken:
            raise Unsealable(
                "no key in RELAY_SECRET_KEY opens a secret in Redis; put the old key back at the list's end"
            ) from None


def _derive(key: str) -> bytes:
    return urlsafe_b64encode(sha256(key.encode()).digest())
