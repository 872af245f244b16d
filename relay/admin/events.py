"""Events: what Slack sent, newest first, for as long as it is kept."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from relay.admin.endpoints import ADMINS, READERS, Answer, Asked, Call, Noun, Shown
from relay.admin.event_lists import Found, Search, search
from relay.admin.journals import deliveries_of, find_event, start_of
from relay.admin.lists import PageQuery
from relay.admin.moments import AskedMoment, Moment, moment
from relay.admin.records import by_name, find
from relay.admin.webhook_fields import Selector
from relay.core.envelope import Media
from relay.core.gist import gist
from relay.core.ids import EventId
from relay.core.matching import Match
from relay.core.reading import read_document
from relay.core.selectors import selects
from relay.core.webhook import lane_of
from relay.store.journal import Entry

EVENTS = Noun("Events", "What Slack sent, for as long as it is kept.")


class EventQuery(PageQuery):
    type: Annotated[Selector | None, Field(description="a selector: `message`, `channel_*`")] = None
    channel: Annotated[str | None, Field(max_length=32, description="a channel's id")] = None
    connection: Annotated[str | None, Field(max_length=64, description="a connection's id or name")] = None
    text: Annotated[str | None, Field(max_length=200, description="stands in any word of the event")] = None
    since: Annotated[AskedMoment | None, Field(description="not before this time")] = None
    until: Annotated[AskedMoment | None, Field(description="before this time")] = None


class EventSummary(Shown):
    id: str
    type: str = Field(description="with its subtype: `message.message_changed`")
    channel: str | None
    connection: str | None = Field(description="null: one of the relay's own")
    received_at: Moment
    text: str | None = Field(description="what it is about, in one line")


class EventView(EventSummary):
    """An event, with the envelope that is sent."""

    connections: list[str] = Field(description="all by which it came; the envelope is the first one's")
    media: Literal["application/json", "application/x-www-form-urlencoded"]
    envelope: dict[str, JsonValue] = Field(description="of a form: its fields, or what its payload holds")
    deliveries: list[str] = Field(description="ids of its deliveries, each to one webhook")


class EventReplay(Asked):
    """Where an event is to go again."""

    webhook: str | None = Field(None, max_length=64, description="to this webhook alone, whatever its filter says")


class EventReplayed(Shown):
    deliveries: dict[str, str] = Field(
        description="webhook → delivery: what is on its way again, or for the first time"
    )


class EventPage(Shown):
    data: list[EventSummary]
    next_cursor: str | None = Field(description="for the next page, which may be empty; null: this was the last")


@EVENTS.endpoint("GET /v1/events", access=READERS, answers={200: EventPage}, refusals=(422,))
def index(call: Call, query: EventQuery) -> Answer:
    """List events, newest first."""
    if query.connection is not None:
        query = query.model_copy(update={"connection": by_name(call).get(query.connection, query.connection)})
    asked = Search(wanted=lambda entry: _wanted(entry, query), text=query.text or "", since=query.since or 0.0)
    page = search(call.rooms.shards, start_of(query.cursor, query.until), asked, limit=query.limit)
    return Answer(body=EventPage(data=list(map(_summary, page.found)), next_cursor=page.cursor))


@EVENTS.endpoint("GET /v1/events/{id}", access=READERS, answers={200: EventView}, refusals=(404,))
def show(call: Call, id: str) -> Answer:
    """Show an event: the envelope, and where it went."""
    stored, place = find_event(call.rooms.shards, EventId(id))
    envelope = stored.envelope
    deliveries = deliveries_of(call.rooms.shards[place], stored)
    return Answer(
        body=EventView(
            id=envelope.event_id,
            type=envelope.kind,
            channel=envelope.channel or None,
            connection=envelope.connection,
            connections=[heard.connection for heard in stored.heard() if heard.connection],
            received_at=moment(envelope.received_at),
            text=gist(envelope),
            media=Media(envelope.media).value,
            envelope=dict(read_document(envelope)),
            deliveries=list(deliveries),
        )
    )


@EVENTS.endpoint("POST /v1/events/{id}/replay", access=ADMINS, answers={202: EventReplayed}, refusals=(404,))
def replay(call: Call, id: str, body: EventReplay) -> Answer:
    """Send an event again: to every webhook that wants it now, or to one.

    What had a delivery gets the same again, with its `webhook-id`; what is under way or held stays as it is.
    """
    stored, place = find_event(call.rooms.shards, EventId(id))
    envelope = stored.envelope
    if body.webhook is None:
        call.rooms.directory.refresh()
        matcher = call.rooms.directory.matcher
        webhooks = list({each.id: each for heard in stored.heard() for each in matcher.match(heard)}.values())
    else:
        webhooks = [find(call, body.webhook)]
    matches = [Match(webhook=each.id, lane=lane_of(each, envelope.channel)) for each in webhooks]
    brought = call.rooms.shards[place].replays.bring(envelope.event_id, matches)
    return Answer(
        status=202, body=EventReplayed(deliveries={str(webhook): delivery for webhook, delivery in brought.items()})
    )


def _wanted(entry: Entry, query: EventQuery) -> bool:
    return (
        (query.type is None or selects(query.type, entry.kind))
        and query.channel in {None, entry.channel}
        and (query.connection == entry.connection or (query.connection is None and not entry.echo))
    )


def _summary(found: Found) -> EventSummary:
    entry = found.placed.entry
    return EventSummary(
        id=entry.event_id,
        type=entry.kind,
        channel=entry.channel or None,
        connection=entry.connection,
        received_at=moment(found.placed.at),
        text=found.gist,
    )
