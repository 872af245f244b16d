"""Masking: what an endpoint said, without what only its owner and we know. Many endpoints echo what they were sent."""

from relay.core import json_text
from relay.core.signing import PREFIX
from relay.core.webhook import Webhook

MASK = "***"

SIGNED = PREFIX.encode()
"""How every signing secret begins."""

LEAST_CHARS = 4
"""A shorter header value is no secret, and may stand anywhere."""


def secrets_of(webhook: Webhook) -> list[str]:
    """Its signing secrets, and the values of its own headers, as they are and as they stand in JSON."""
    secrets = [one.secret for one in webhook.secrets]
    if webhook.headers:
        values = [value for _, value in webhook.headers if len(value) >= LEAST_CHARS]
        secrets += [*values, *(json_text.write(value).decode()[1:-1] for value in values)]
    return secrets


def echoed(webhook: Webhook, text: bytes) -> list[str]:
    """Those of its secrets that stand in `text`, a JSON text. Nearly always there is none, and that is seen at once."""
    if SIGNED not in text and not webhook.headers:
        return []
    return [secret for secret in secrets_of(webhook) if json_text.write(secret)[1:-1] in text]


def masked(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text
