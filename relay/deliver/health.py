"""Webhooks that only fail: their owners are warned, then they are disabled. Each of it is told as an event of the
relay's own.
"""

from collections.abc import Mapping, Sequence
from time import time

from relay.core.ids import WebhookId
from relay.core.own_event import OWN, own_envelope
from relay.core.retry import Disabled, Warned, judge_webhook
from relay.core.trace import Trace, arrivals
from relay.core.webhook import DisabledReason, Json
from relay.report import EventsKept, Reporter, WebhookDisabled, WebhookFailing
from relay.store.deliveries import Deliveries, Failing
from relay.store.journal import Journal
from relay.store.webhooks import Webhooks


class Health:
    def __init__(
        self,
        webhooks: Webhooks,
        deliveries: Deliveries,
        journal: Journal,
        *,
        report: Reporter,
        trace: Trace | None = None,
    ) -> None:
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._journal = journal
        self._report = report
        self._trace = trace

    def consider(self, failing: Sequence[Failing]) -> None:
        """Warn or disable those for whom it is time. Raises StoreAway: the next failure asks again."""
        for one in failing:
            now = time()
            match judge_webhook(since=one.since, deliveries=one.deliveries, warned=one.warned, now=now):
                case Warned() as warned:
                    self._warn(one, warned, now)
                case Disabled():
                    self.disable(one.webhook, DisabledReason.FAILING)
                case None:
                    pass

    def disable(self, id: WebhookId, reason: DisabledReason) -> None:
        """Disable it and tell, unless it is disabled already. Raises StoreAway."""
        now = time()
        if self._webhooks.disable(id, reason, now):
            self._report(WebhookDisabled(webhook=id, reason=reason))
            facts: dict[str, Json] = {"webhook": id, "reason": str(reason)}
            self._tell("relay.webhook_disabled", facts, now)

    def _warn(self, one: Failing, warned: Warned, now: float) -> None:
        if not self._deliveries.warn(one.webhook, warned.level):
            return
        self._report(WebhookFailing(webhook=one.webhook, failing_s=warned.failing_s, deliveries=one.deliveries))
        facts: dict[str, Json] = {
            "webhook": one.webhook,
            "failing_s": int(warned.failing_s),
            "deliveries": one.deliveries,
        }
        self._tell("relay.webhook_failing", facts, now)

    def _tell(self, kind: str, facts: Mapping[str, Json], now: float) -> None:
        """As an event, which is counted like those that Slack sends."""
        envelope = own_envelope(kind, facts, now)
        (is_new,) = self._journal.append([envelope])
        if self._trace is not None:
            self._trace(arrivals([envelope], [is_new], now=time()))
        self._report(EventsKept(connection=OWN, new=int(is_new), copies=int(not is_new)))
