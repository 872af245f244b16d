"""Attempts shown to those who watch the live stream, beside the ledger: what is not seen is not lost."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from relay.core import json_text
from relay.core.webhook import Json
from relay.deliver.verdicts import Tried
from relay.store.errors import StoreAway
from relay.store.outcomes import Outcomes


def show(outcomes: Outcomes, batch: Sequence[Tried]) -> None:
    """Whoever watches now sees these."""
    try:
        outcomes.publish([outcome_line(one) for one in batch])
    except StoreAway:
        pass  # the settling is done; its own loop tells of the outage


def outcome_line(tried: Tried) -> bytes:
    """docs/stream.md has the fields."""
    said = tried.fact
    line: dict[str, Json] = {
        "delivery": said.delivery,
        "webhook": said.webhook,
        "event": said.event,
        "event_type": said.kind,
        "host": urlsplit(tried.attempt.webhook.url).netloc.rpartition("@")[2],
        "attempt": said.attempt,
        "verdict": said.verdict,
        "result": said.result,
        "ms": said.ms,
        "at": round(tried.attempt.at + said.ms / 1000, 3),
        "again_in_s": said.again_in_s,
        "reason": said.reason,
        "detail": said.detail,
    }
    return json_text.write({name: value for name, value in line.items() if value not in {None, ""}})
