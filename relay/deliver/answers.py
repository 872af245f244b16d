"""Answers that Slack waits for: what a webhook says to a slash command or an interaction goes back in the
acknowledgement.

Contract, section 3: "the first such webhook's 2xx body within 2.5 s is it". Which is the first, the store decides;
who holds the socket
hears it as a notice (slack/socket_mode.py).
"""

from collections.abc import Iterable

from relay.core.outcome import Answered, Outcome
from relay.deliver.verdicts import Try
from relay.store.errors import StoreAway
from relay.store.notices import Notices

WITHIN_S = 2.5
ANSWER_BYTES = 20_000
"""Slack drops a longer acknowledgement without a word (slack-wire.md, 5.3)."""


def pass_on(notices: Notices, answers: Iterable[tuple[Try, Outcome]], *, now: float) -> None:
    """Tell whoever waits. An outage is not waited for: Slack would not either."""
    for attempt, outcome in answers:
        envelope = attempt.envelope
        if not isinstance(outcome, Answered) or not 200 <= outcome.status < 300:
            continue
        if now - envelope.received_at > WITHIN_S:
            continue
        try:
            notices.answer(envelope.event_id, outcome.excerpt)
        except StoreAway:
            return
