"""`GET /v1/stream`: what happens, as it happens, over a WebSocket. docs/stream.md has the frames.

A watcher only listens: what it sends is read to be thrown away, within limits. Its right to be here is looked at again
every few seconds, so a revoked key ends its streams.
"""

from collections.abc import Sequence
from itertools import chain
from time import monotonic
from typing import Annotated, cast

from flask import Blueprint, Response, current_app, request
from msgspec import Struct
from pydantic import Field
from websockets.frames import CloseCode

from relay.admin.door import Door
from relay.admin.endpoints import Asked, Caller
from relay.admin.hub import Frames, Hub, Watcher
from relay.admin.intake import read_query
from relay.admin.options import AdminOptions
from relay.admin.problems import FieldError, Problem, invalid, not_found
from relay.core.apikey import Scope
from relay.core.ids import WebhookId
from relay.core.matching import Subscription, subscribe
from relay.core.selectors import InvalidSelector, check_selector
from relay.core.watching import Wish, caught_up, heartbeat, hello
from relay.http.upgrade import accept
from relay.http.websocket import SocketOptions, WebSocket, text_frame
from relay.store.errors import StoreAway
from relay.store.feed import BadCursor, Place

HEARD_MOST = 100
"""Messages from one watcher; none is needed."""
RESUMED_MOST = 5000
"""Events, and outcomes, that a resumed stream tells again."""
PAGE = 250
DRAIN_S = 10.0


class StreamOptions(Struct, frozen=True, kw_only=True):
    heartbeat_s: float = 15.0  # a stream that says nothing else says this
    look_s: float = 10.0  # how often a watcher's right to be here is looked at again
    socket: SocketOptions = SocketOptions(message_bytes=4096, outbox_bytes=512 * 1024)


class StreamQuery(Asked):
    events: Annotated[str, Field(max_length=2000, description="selectors, with commas; none: every event")] = ""
    webhook: Annotated[str, Field(max_length=64, description="what this webhook wants and gets")] = ""
    cursor: Annotated[str, Field(max_length=64, description="go on behind this frame")] = ""


class Stream:
    """One for the process."""

    def __init__(self, rooms: AdminOptions, hub: Hub, *, options: StreamOptions | None = None) -> None:
        self._rooms = rooms
        self._options = options or StreamOptions()
        self._hub = hub
        self._welcome: dict[str, float] = {}  # what watchers show at the door, and when it was last looked at

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint("stream", __name__)

        @blueprint.get("/v1/stream", websocket=True)
        def stream() -> Response:
            door: Door = current_app.extensions["door"]
            caller = door.admit(request)
            query = cast(StreamQuery, read_query(request.args, StreamQuery))
            wish, start = self._wish(query, caller), _start(query.cursor)
            with accept(request.environ, self._options.socket) as websocket:
                self._serve(websocket, wish, start, door=door)
            return Response()

        return blueprint

    def _serve(self, websocket: WebSocket, wish: Wish, start: Place | None, *, door: Door) -> None:
        watcher = Watcher(websocket=websocket, wish=wish, held=[])
        try:
            with self._hub.joined(watcher) as places:
                websocket.send(hello(str(start or _newest(places)), self._options.heartbeat_s).decode())
                if start is not None:
                    self._tell_again(watcher, start, places)
                watcher.tell_held()
                self._attend(watcher, door)
        except StoreAway:
            websocket.close(CloseCode.TRY_AGAIN_LATER, "Redis is away; come again")

    def _attend(self, watcher: Watcher, door: Door) -> None:
        """Until the watcher leaves, or has to."""
        options, looked_at, heard = self._options, monotonic(), 0
        while heard < HEARD_MOST:
            heard += watcher.websocket.receive(timeout_s=options.look_s / 2) is not None
            now = monotonic()
            if now - watcher.told_at >= options.heartbeat_s:
                watcher.tell(Frames(text_frame(heartbeat(str(_newest(self._hub.places)))), 0))
            if now - looked_at >= options.look_s:
                looked_at = now
                if not self._is_welcome(door):
                    watcher.websocket.close(CloseCode.POLICY_VIOLATION, "this token is no longer valid")
        watcher.websocket.close(CloseCode.POLICY_VIOLATION, "a stream is for listening")

    def _tell_again(self, watcher: Watcher, start: Place, until: Sequence[Place]) -> None:
        """What came between the two, shard by shard, as far as it is kept. Raises StoreAway."""
        again = (tail.again(start, place, PAGE) for tail, place in zip(self._hub.tails, until, strict=True))
        told, missing = 0, False
        for seen in chain.from_iterable(again):
            missing = told >= RESUMED_MOST
            if missing:
                break
            told += len(seen)
            watcher.websocket.pour(b"".join(text_frame(one.text) for one in seen if watcher.wish.wants(one)))
            missing = not watcher.websocket.flush(DRAIN_S)
            if missing:
                break
        watcher.websocket.send(caught_up(str(_newest(until)), missing=missing).decode())

    def _wish(self, query: StreamQuery, caller: Caller) -> Wish:
        """Raises Problem (404, 422)."""
        selectors = tuple(filter(None, query.events.split(",")))
        for selector in selectors:
            try:
                check_selector(selector)
            except InvalidSelector as error:
                raise invalid(FieldError("events", str(error))) from None
        owned = sorted(caller.webhooks) if caller.scope is Scope.OWNER else None
        if query.webhook and owned is not None and query.webhook not in owned:
            raise not_found("webhook")
        asked = [WebhookId(query.webhook)] if query.webhook else owned
        webhooks = None if asked is None else self._subscriptions(asked)
        return Wish(selectors, webhooks, name=f"{','.join(selectors)} {asked}")

    def _is_welcome(self, door: Door) -> bool:
        """Many watchers may show the same: that is looked at once."""
        shown, now = f"{request.headers.get('Authorization')} {request.headers.get('Cookie')}", monotonic()
        if now - self._welcome.get(shown, float("-inf")) < self._options.look_s:
            return True
        try:
            door.admit(request)
        except Problem:
            self._welcome.pop(shown, None)
            return False
        except StoreAway:
            return True  # who knows; it is asked again
        kept = {known: at for known, at in self._welcome.items() if now - at < self._options.look_s}
        self._welcome = kept | {shown: now}
        return True

    def _subscriptions(self, ids: Sequence[WebhookId]) -> tuple[Subscription, ...]:
        webhooks = [self._rooms.webhooks.get(id) for id in ids]
        if not any(webhooks):
            raise not_found("webhook")
        return tuple(subscribe(webhook) for webhook in webhooks if webhook)


def _newest(places: Sequence[Place]) -> Place:
    return max(places, key=lambda place: place.newest)


def _start(cursor: str) -> Place | None:
    try:
        return Place.read(cursor) if cursor else None
    except BadCursor as error:
        raise invalid(FieldError("cursor", str(error))) from None
