"""Connections: made, listed, shown, changed, removed, and asked for a new socket."""

from collections.abc import Callable
from dataclasses import replace

from pydantic import Field

from relay.admin.connection_records import change_connection, find_connection
from relay.admin.connection_shapes import (
    ConnectionChange,
    ConnectionView,
    NewConnection,
    check_bot_token,
    check_token,
    view,
)
from relay.admin.endpoints import ADMINS, READERS, Answer, Call, Noun, Shown
from relay.admin.lists import PageQuery, read_cursor, write_cursor
from relay.admin.problems import FieldError, conflict, invalid, not_found
from relay.admin.versions import check_match, tag
from relay.core.connection import Connection, Kind
from relay.core.ids import ID_BYTES, ConnectionId, connection_id
from relay.store.errors import NotFound

CONNECTIONS = Noun("Connections", "The sockets to Slack, and how they are doing.")

MOST_CONNECTIONS = 1000


class ConnectionPage(Shown):
    data: list[ConnectionView]
    next_cursor: str | None = Field(description="for the next page; null: this was the last")


@CONNECTIONS.endpoint("POST /v1/connections", access=ADMINS, answers={201: ConnectionView}, refusals=(409, 422))
def create(call: Call, body: NewConnection) -> Answer:
    """Connect to Slack.

    A worker takes the connection up at once; what Slack says of its token is then shown as `error` and `explanation`.
    """
    now = call.rooms.now()
    if len(call.rooms.connections.all()) >= MOST_CONNECTIONS:
        raise conflict("too_many_connections", f"This relay keeps at most {MOST_CONNECTIONS} connections.")
    made = call.rooms.connections.add(
        Connection(
            id=connection_id(call.rooms.dice(ID_BYTES)),
            kind=Kind(body.kind),
            token=body.token,
            bot_token=body.bot_token or "",
            name=body.name,
            presence_sub=tuple(body.options.presence_sub),
            batch_presence_aware=body.options.batch_presence_aware,
            created_at=now,
            updated_at=now,
        )
    )
    headers = {"Location": f"/v1/connections/{made.id}", "ETag": tag(made)}
    return Answer(status=201, body=view(made, None), headers=headers)


@CONNECTIONS.endpoint("GET /v1/connections", access=READERS, answers={200: ConnectionPage}, refusals=(422,))
def index(call: Call, query: PageQuery) -> Answer:
    """List connections, oldest first."""
    after = None if query.cursor is None else ConnectionId(read_cursor(query.cursor, 1)[0])
    page = call.rooms.connections.page(after, query.limit)
    states = call.rooms.states.of(each.id for each in page)
    cursor = write_cursor(page[-1].id) if len(page) == query.limit else None
    return Answer(body=ConnectionPage(data=[view(each, states.get(each.id)) for each in page], next_cursor=cursor))


@CONNECTIONS.endpoint("GET /v1/connections/{id}", access=READERS, answers={200: ConnectionView}, refusals=(404,))
def show(call: Call, id: str) -> Answer:
    """Show a connection and how it is doing."""
    return _shown(call, find_connection(call, id))


@CONNECTIONS.endpoint(
    "PATCH /v1/connections/{id}", access=ADMINS, answers={200: ConnectionView}, refusals=(404, 409, 412, 422)
)
def update(call: Call, id: str, body: ConnectionChange) -> Answer:
    """Change a connection: its tokens, name, options, or whether it is paused. What is not named stays as it is."""

    def decide(connection: Connection) -> Connection:
        if "token" in body.model_fields_set:
            _fits("token", lambda: check_token(connection.kind, body.token))
            connection = replace(connection, token=body.token)
        if "bot_token" in body.model_fields_set:
            _fits("bot_token", lambda: check_bot_token(connection.kind, body.bot_token))
            connection = replace(connection, bot_token=body.bot_token or "")
        if "name" in body.model_fields_set:
            connection = replace(connection, name=body.name)
        if "paused" in body.model_fields_set:
            connection = replace(connection, paused=body.paused)
        if "presence_sub" in body.options.model_fields_set:
            connection = replace(connection, presence_sub=tuple(body.options.presence_sub))
        if "batch_presence_aware" in body.options.model_fields_set:
            connection = replace(connection, batch_presence_aware=body.options.batch_presence_aware)
        return replace(connection, updated_at=call.rooms.now())

    return _shown(call, change_connection(call, id, decide))


@CONNECTIONS.endpoint("DELETE /v1/connections/{id}", access=ADMINS, answers={204: None}, refusals=(404, 412))
def delete(call: Call, id: str) -> Answer:
    """Let go of Slack and forget the connection; its events stay for as long as events are kept."""
    check_match(call, find_connection(call, id))
    try:
        call.rooms.connections.remove(ConnectionId(id))
    except NotFound:
        raise not_found("connection") from None
    return Answer(status=204)


@CONNECTIONS.endpoint(
    "POST /v1/connections/{id}/reconnect", access=ADMINS, answers={202: ConnectionView}, refusals=(404,)
)
def reconnect(call: Call, id: str) -> Answer:
    """Ask for a new socket, opened before the old one is let go of. Also tries again what Slack refused for good."""
    connection = find_connection(call, id)
    call.rooms.notices.ask_renewal(connection.id)
    return Answer(status=202, body=view(connection, call.rooms.states.get(connection.id)))


def _shown(call: Call, connection: Connection) -> Answer:
    state = call.rooms.states.get(connection.id)
    return Answer(body=view(connection, state), headers={"ETag": tag(connection)})


def _fits(name: str, check: Callable[[], None]) -> None:
    try:
        check()
    except ValueError as error:
        raise invalid(FieldError(name, str(error))) from None
