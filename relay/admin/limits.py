"""Limits: how much of anything the API takes, and what it answers beyond. The document and its page show this table."""

from collections.abc import Sequence

from msgspec import Struct

from relay.admin.connections import MOST_CONNECTIONS
from relay.admin.intake import BODY_BYTES
from relay.admin.keys import MOST_KEYS, OWNED
from relay.admin.lists import MOST as MOST_ROWS
from relay.admin.options import MOST_WEBHOOKS
from relay.admin.replays import RUNNING_AT_ONCE
from relay.admin.webhook_fields import CHANNELS, CONNECTIONS, DESCRIPTION_CHARS, EVENTS, HEADERS, RETRIES
from relay.core.header import VALUE_CHARS
from relay.core.pattern_reading import PATTERN_CHARS, PATTERN_CONDITIONS, PATTERN_DEPTH
from relay.core.url import URL_CHARS
from relay.http.limits import Limits


class Limit(Struct, frozen=True):
    of: str
    most: str
    beyond: str  # the answer


LIMITS: Sequence[Limit] = (
    Limit("a request's body", f"{BODY_BYTES >> 10} KiB", "413"),
    Limit("its first line and headers", f"{Limits().header_bytes >> 10} KiB", "431"),
    Limit("a page", f"{MOST_ROWS} rows", "422"),
    Limit("a webhook's `url`", f"{URL_CHARS:,} characters", "422"),
    Limit("its `events`", f"{EVENTS} selectors", "422"),
    Limit("its `channels`", f"{CHANNELS:,}", "422"),
    Limit("its `connections`", f"{CONNECTIONS}", "422"),
    Limit("its `headers`", f"{HEADERS}, each of {VALUE_CHARS:,} characters", "422"),
    Limit(
        "its `filter`", f"{PATTERN_CONDITIONS} conditions, {PATTERN_CHARS:,} characters, {PATTERN_DEPTH} levels", "422"
    ),
    Limit("its `description`", f"{DESCRIPTION_CHARS} characters", "422"),
    Limit("its `retry_schedule`", f"{RETRIES} waits", "422"),
    Limit("an owner's key", f"{OWNED} webhooks", "422"),
    Limit("a relay's webhooks", f"{MOST_WEBHOOKS:,}", "409 `too_many_webhooks`"),
    Limit("its connections", f"{MOST_CONNECTIONS:,}", "409 `too_many_connections`"),
    Limit("its API keys", f"{MOST_KEYS:,}", "409 `too_many_keys`"),
    Limit("its replays under way", f"{RUNNING_AT_ONCE}", "409 `too_many_replays`"),
)


def limits_as_markdown() -> str:
    rows = "\n".join(f"| {limit.of} | {limit.most} | {limit.beyond} |" for limit in LIMITS)
    return f"## Limits\n\n| of | at most | beyond |\n|---|---|---|\n{rows}\n"
