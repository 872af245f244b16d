"""What a list of deliveries tells beyond their records: the event's type, and what the last attempt did."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from relay.admin.attempts import AttemptView, attempt_of_line
from relay.core.delivery import Delivery
from relay.core.ids import DeliveryId, EventId, read_delivery_id
from relay.core.json_text import NotJson
from relay.store.shards import Shard


class Details(Struct, frozen=True):
    kinds: Mapping[EventId, str]
    attempts: Mapping[DeliveryId, AttemptView]


def details_of(shards: Sequence[Shard], deliveries: Sequence[Delivery]) -> Details:
    """Raises StoreAway."""
    kinds: dict[EventId, str] = {}
    attempts: dict[DeliveryId, AttemptView] = {}
    for number, shard in enumerate(shards):
        here = [each for each in deliveries if read_delivery_id(each.id)[1] == number]
        kinds |= shard.journal.events.kinds([each.event_id for each in here])
        for id, line in shard.deliveries.attempts.last([each.id for each in here]).items():
            try:
                attempts[id] = attempt_of_line(line, id)
            except (NotJson, LookupError):
                continue  # longer than what was read of it, or of another version
    return Details(kinds, attempts)
