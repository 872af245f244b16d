"""Every noun of the API, in the order of the document's chapters."""

from relay.admin.audit import AUDIT
from relay.admin.charts import CHARTS
from relay.admin.connections import CONNECTIONS
from relay.admin.deliveries import DELIVERIES
from relay.admin.events import EVENTS
from relay.admin.filters import FILTERS
from relay.admin.health import HEALTH
from relay.admin.keys import KEYS
from relay.admin.replays import REPLAYS
from relay.admin.speech import SPEECH
from relay.admin.stats import STATS
from relay.admin.webhook_actions import WEBHOOK_ACTIONS
from relay.admin.webhooks import WEBHOOKS

NOUNS = (
    WEBHOOKS,
    WEBHOOK_ACTIONS,
    FILTERS,
    CONNECTIONS,
    SPEECH,
    EVENTS,
    DELIVERIES,
    REPLAYS,
    STATS,
    CHARTS,
    KEYS,
    AUDIT,
    HEALTH,
)
