"""Terms: what a webhook asks of an event besides its kind. Equal terms are one, however many webhooks have them."""

from dataclasses import dataclass, field
from functools import lru_cache

from relay.core import json_text
from relay.core.envelope import Envelope
from relay.core.ids import ConnectionId
from relay.core.pattern_reading import read_pattern
from relay.core.patterns import Pattern
from relay.core.reading import Reading
from relay.core.selectors import is_own
from relay.core.webhook import Webhook

PATTERNS = 1024
"""How many filters are remembered as they were read: most are shared."""


@dataclass(frozen=True, slots=True)
class Terms:
    channels: tuple[str, ...]  # none: every channel
    connections: tuple[ConnectionId, ...]
    filter: bytes | None  # the same bytes for the same filter
    pattern: Pattern | None = field(compare=False, repr=False)

    def accept(self, reading: Reading) -> bool:
        return self._reach(reading.envelope) and (self.pattern is None or self.pattern.passes(reading.document))

    def _reach(self, envelope: Envelope) -> bool:
        """Whether channel and connection are among these. The relay's own events belong to no channel."""
        if is_own(envelope.kind):
            return not self.connections or envelope.connection is None or envelope.connection in self.connections
        return (not self.channels or envelope.channel in self.channels) and (
            not self.connections or envelope.connection in self.connections
        )


def terms_of(webhook: Webhook) -> Terms:
    """Raises InvalidPattern if the filter cannot be read."""
    if webhook.filter is None:
        return Terms(webhook.channels, webhook.connections, None, None)
    text = json_text.canonical(dict(webhook.filter))
    return Terms(webhook.channels, webhook.connections, text, _pattern(text))


@lru_cache(maxsize=PATTERNS)
def _pattern(text: bytes) -> Pattern:
    filter_ = json_text.read(text)
    return read_pattern(filter_ if isinstance(filter_, dict) else {})
