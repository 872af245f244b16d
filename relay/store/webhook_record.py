"""A webhook as Redis keeps it: its version, a space, JSON with the secrets sealed."""

import json
from dataclasses import asdict

from relay.core.ids import WebhookId
from relay.core.webhook import DisabledReason, Format, Order, SigningSecret, Status, Webhook
from relay.store.records import understood, write_record
from relay.store.vault import Unsealable, Vault


def write_webhook(webhook: Webhook, vault: Vault) -> str:
    """The JSON; its version is the store's to put before it."""
    record = asdict(webhook)
    del record["id"], record["version"]
    record["secrets"] = [(vault.seal(one.secret), one.until) for one in webhook.secrets]
    record["headers"] = vault.seal(json.dumps(webhook.headers)) if webhook.headers else ""
    return write_record(record)


def read_webhook(id: WebhookId, record: bytes, vault: Vault) -> Webhook:
    """Raises Unsealable if no key opens its secrets."""
    return _read(id, record, vault)


def read_sealed_webhook(id: WebhookId, record: bytes, vault: Vault) -> Webhook:
    """As `read_webhook`; without its secrets and its headers if no key opens them: it can be matched, not signed."""
    try:
        return _read(id, record, vault)
    except Unsealable:
        return _read(id, record, None)


def _read(id: WebhookId, record: bytes, vault: Vault | None) -> Webhook:
    version, text = record.split(b" ", 1)
    known = understood(json.loads(text), Webhook)
    headers: list[tuple[str, str]] = []
    secrets: list[SigningSecret] = []
    if vault is not None:
        headers = json.loads(vault.open(known["headers"])) if known["headers"] else []
        secrets = [SigningSecret(secret=vault.open(sealed), until=until) for sealed, until in known["secrets"]]
    return Webhook(
        **{name: value for name, value in known.items() if name not in _READ_APART},
        id=id,
        version=int(version),
        events=tuple(known["events"]),
        secrets=tuple(secrets),
        connections=tuple(known["connections"]),
        channels=tuple(known["channels"]),
        headers=tuple((name, value) for name, value in headers),
        format=Format(known["format"]),
        order=Order(known["order"]),
        retry_schedule_s=tuple(known["retry_schedule_s"]),
        status=Status(known["status"]),
        disabled_reason=DisabledReason(known["disabled_reason"]) if known["disabled_reason"] else None,
    )


_READ_APART = {
    "events", "secrets", "connections", "channels", "headers",
    "format", "order", "retry_schedule_s", "status", "disabled_reason",
}  # fmt: skip
