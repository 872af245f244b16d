"""What the admin room is given by service.py: the store's rooms, and the few things that other rooms do for it."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from relay.core.envelope import Envelope
from relay.core.outcome import Outcome, Refused
from relay.core.readiness import Readiness
from relay.core.webhook import Webhook
from relay.report import Reporter
from relay.store.apikeys import ApiKeys
from relay.store.audit import Audit
from relay.store.connection_states import ConnectionStates
from relay.store.connections import Connections
from relay.store.counts import Counts
from relay.store.directory import Directory
from relay.store.idempotency import Idempotency
from relay.store.notices import Notices
from relay.store.replays import Replays
from relay.store.sessions import Sessions
from relay.store.shards import Shard
from relay.store.webhooks import Webhooks

MOST_WEBHOOKS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminOptions:
    admin_token: str = field(repr=False)
    webhooks: Webhooks
    directory: Directory
    replays: Replays
    shards: Sequence[Shard]
    connections: Connections
    api_keys: ApiKeys
    audit: Audit
    idempotency: Idempotency
    sessions: Sessions
    counts: Counts
    states: ConnectionStates
    notices: Notices
    vet: Callable[[str], Refused | None]
    """Whether a URL may be posted to: the guard of registration. May ask the DNS."""
    post: Callable[[Webhook, Envelope], Outcome]
    """One signed POST now, by the real path and the real guard, and what became of it."""
    ready: Callable[[], Readiness]
    report: Reporter
    version: str = "0"
    most_webhooks: int = MOST_WEBHOOKS
    now: Callable[[], float] = time.time
    dice: Callable[[int], bytes] = os.urandom
