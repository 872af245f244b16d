"""Filters: tried on an event before a webhook has them, with the reasons if it does not pass."""

from typing import Annotated

from pydantic import Field, JsonValue, model_validator

from relay.admin.endpoints import READERS, Answer, Asked, Call, Noun, Shown
from relay.admin.journals import find_event
from relay.admin.webhook_fields import Filter
from relay.core.ids import EventId
from relay.core.pattern_reading import read_pattern
from relay.core.patterns import explain
from relay.core.reading import read_document

FILTERS = Noun("Filters", "Patterns over the envelope, tried on an event.")


class FilterTrial(Asked):
    """A filter, and the event to try it on: as it is, or by the id of one that is kept."""

    filter: Filter
    event: dict[str, JsonValue] | None = Field(
        None,
        description="the whole envelope, as a webhook gets it",
        examples=[{"type": "event_callback", "event": {"type": "message", "text": "deploy api"}}],
    )
    event_id: Annotated[str, Field(max_length=128)] | None = None

    @model_validator(mode="after")
    def _one_event(self) -> "FilterTrial":
        if (self.event is None) == (self.event_id is None):
            raise ValueError("give either event or event_id")
        return self


class ReasonView(Shown):
    field: str
    message: str


class FilterVerdict(Shown):
    matches: bool
    reasons: list[ReasonView] = Field(description="why not, field by field; empty if it matches")


@FILTERS.endpoint("POST /v1/filters/test", access=READERS, answers={200: FilterVerdict}, refusals=(404,), audited=False)
def test(call: Call, body: FilterTrial) -> Answer:
    """Try a filter on an event."""
    if body.event_id is None:
        document = dict(body.event or {})
    else:
        stored, _ = find_event(call.rooms.shards, EventId(body.event_id))
        document = read_document(stored.envelope)
    reasons = [
        ReasonView(field=each.field, message=each.message) for each in explain(read_pattern(body.filter), document)
    ]
    return Answer(body=FilterVerdict(matches=not reasons, reasons=reasons))
