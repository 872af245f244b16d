"""Masking: what an endpoint said, without what only its owner and we know. Many endpoints echo what they were sent."""

from relay.core import json_text
from relay.core.webhook import Webhook

MASK = "***"

LEAST_CHARS = 4
"""A shorter header value is no secret, and may stand anywhere."""


def secrets_of(webhook: Webhook) -> list[str]:
    """Its signing secrets, and the values of its own headers, as they are and as they stand in JSON."""
    secrets = [one.secret for one in webhook.secrets]
    if webhook.headers:
        values = [value for _, value in webhook.headers if len(value) >= LEAST_CHARS]
        secrets += [*values, *(json_text.write(value).decode()[1:-1] for value in values)]
    return secrets


def masked(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text
