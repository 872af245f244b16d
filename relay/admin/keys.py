"""API keys: made, listed, removed. A key is shown once, and kept as its hash."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from relay.admin.endpoints import ADMINS, Answer, Asked, Call, Noun, Shown
from relay.admin.lists import PageQuery, bad_cursor, read_cursor, write_cursor
from relay.admin.moments import Moment, maybe_moment, moment
from relay.admin.problems import FieldError, conflict, invalid, not_found
from relay.core.apikey import TOKEN_BYTES, ApiKey, Scope, hash_token, make_token
from relay.core.ids import ID_BYTES, KeyId, WebhookId, key_id
from relay.store.errors import NotFound

KEYS = Noun("Keys", "Who else may ask, and for what.")

MOST_KEYS = 1000
OWNED = 50
"""Webhooks of one owner's key: its lists are one page."""

ScopeWord = Literal["admin", "read", "owner"]


class NewKey(Asked):
    """A key to be."""

    name: Annotated[str, Field(min_length=1, max_length=100, description="whose it is")]
    scope: ScopeWord = Field(
        description="`admin`: everything; `read`: looks at all but secrets; `owner`: its own webhooks, their secrets "
        "and deliveries"
    )
    webhooks: list[str] = Field([], max_length=OWNED, description="an owner's webhooks")

    @model_validator(mode="after")
    def _owner_has_webhooks(self) -> "NewKey":
        if (self.scope == "owner") != bool(self.webhooks):
            raise ValueError("webhooks are for the scope owner, which needs at least one")
        return self


class KeyView(Shown):
    id: str
    name: str
    scope: ScopeWord
    webhooks: list[str]
    created_at: Moment
    last_used_at: Moment | None = Field(description="to the minute")


class KeyWithToken(KeyView):
    """A key that was just made."""

    key: str = Field(description="what to send as Bearer token; it is never shown again")


class KeyPage(Shown):
    data: list[KeyView]
    next_cursor: str | None


@KEYS.endpoint("POST /v1/keys", access=ADMINS, answers={201: KeyWithToken}, refusals=(409,))
def create(call: Call, body: NewKey) -> Answer:
    """Make an API key."""
    rooms = call.rooms
    if len(rooms.api_keys.all()) >= MOST_KEYS:
        raise conflict("too_many_keys", f"This relay keeps at most {MOST_KEYS} keys.")
    unknown = [place for place, id in enumerate(body.webhooks) if rooms.webhooks.get(WebhookId(id)) is None]
    if unknown:
        raise invalid(*(FieldError(f"webhooks.{place}", "there is no such webhook") for place in unknown))
    token = make_token(rooms.dice(TOKEN_BYTES))
    key = ApiKey(
        id=key_id(rooms.dice(ID_BYTES)),
        name=body.name,
        scope=Scope(body.scope),
        webhooks=tuple(map(WebhookId, dict.fromkeys(body.webhooks))),
        hash=hash_token(token),
        created_at=rooms.now(),
    )
    rooms.api_keys.add(key)
    return Answer(status=201, body=KeyWithToken(**dict(_view(key)), key=token))


@KEYS.endpoint("GET /v1/keys", access=ADMINS, answers={200: KeyPage}, refusals=(422,))
def index(call: Call, query: PageQuery) -> Answer:
    """List API keys, newest first."""
    keys = call.rooms.api_keys.all()
    if query.cursor is not None:
        last = _last(query.cursor)
        keys = [key for key in keys if (key.created_at, key.id) < last]
    page = keys[: query.limit]
    more = len(keys) > query.limit
    cursor = write_cursor(repr(page[-1].created_at), page[-1].id) if more else None
    return Answer(body=KeyPage(data=[_view(key) for key in page], next_cursor=cursor))


@KEYS.endpoint("DELETE /v1/keys/{id}", access=ADMINS, answers={204: None}, refusals=(404,))
def delete(call: Call, id: str) -> Answer:
    """Remove an API key: it opens nothing from now on."""
    try:
        call.rooms.api_keys.remove(KeyId(id))
    except NotFound:
        raise not_found("key") from None
    return Answer(status=204)


def _last(cursor: str) -> tuple[float, str]:
    created_at, id = read_cursor(cursor, 2)
    try:
        return float(created_at), id
    except ValueError:
        raise bad_cursor() from None


def _view(key: ApiKey) -> KeyView:
    return KeyView(
        id=key.id,
        name=key.name,
        scope=key.scope.value,
        webhooks=list(key.webhooks),
        created_at=moment(key.created_at),
        last_used_at=maybe_moment(key.last_used_at),
    )
