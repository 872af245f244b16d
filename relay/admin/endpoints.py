"""Endpoints as data: what a path takes, what it answers, who may ask. Flask's routes and the document come from these.

A view is a plain function: `def show(call: Call, id: str) -> Answer`. What it takes is read off its parameters (`id`
from the path; `query` and `body`, pydantic models), what it is for from its docstring: the first line is the summary.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast, get_type_hints

from msgspec import Struct, field
from pydantic import BaseModel, ConfigDict, JsonValue
from werkzeug.datastructures import ETags

from relay.admin.options import AdminOptions
from relay.core.apikey import Scope
from relay.core.ids import WebhookId

ANYONE: frozenset[Scope] = frozenset()
"""No token is asked for."""
ADMINS = frozenset({Scope.ADMIN})
READERS = frozenset({Scope.READ, Scope.ADMIN})
OWNERS = frozenset({Scope.OWNER, Scope.ADMIN})
ALL = frozenset(Scope)


class Caller(Struct, frozen=True, kw_only=True):
    """Who calls, as the token says."""

    name: str  # "bootstrap", or the key's id
    scope: Scope
    webhooks: frozenset[WebhookId] = frozenset()  # an owner's own


class Call(Struct, frozen=True, kw_only=True):
    """One request, as a view sees it."""

    rooms: AdminOptions
    caller: Caller
    if_match: ETags | None = None
    if_none_match: ETags | None = None

    def may_see(self, webhook: WebhookId) -> bool:
        return self.caller.scope is not Scope.OWNER or webhook in self.caller.webhooks


class Answer(Struct, frozen=True, kw_only=True):
    status: int = 200
    body: BaseModel | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Asked(BaseModel):
    """The parent of everything that a caller sends: no unknown field, no guessing at types."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        defer_build=True,  # a start has no time for sixty of them
    )


def _without_defaults(schema: dict[str, JsonValue]) -> None:
    for described in cast(dict[str, dict[str, JsonValue]], schema["properties"]).values():
        described.pop("default", None)


class AskedChange(Asked):
    """The parent of changes: what is not named stays as it is, so no field has a default that anybody would see."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)


class Shown(BaseModel):
    """The parent of everything that we answer with."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_serialization_defaults_required=True,
        hide_input_in_errors=True,
        defer_build=True,  # as above
    )


View: TypeAlias = Callable[..., Answer]


class Endpoint(Struct, frozen=True, kw_only=True):
    method: str
    path: str  # with {id}
    view: View
    access: frozenset[Scope]
    answers: Mapping[int, type[BaseModel] | None]
    refusals: Sequence[int]
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    audited: bool

    @property
    def body_required(self) -> bool:
        """A body whose fields all have defaults may be left out."""
        return self.body is not None and any(field.is_required() for field in self.body.model_fields.values())

    @property
    def name(self) -> str:
        """What OpenAPI calls the operation's id: `webhooks_create`."""
        return f"{self.view.__module__.rpartition('.')[2]}_{self.view.__name__}"

    @property
    def summary(self) -> str:
        return inspect.cleandoc(self.view.__doc__ or "").partition("\n")[0]

    @property
    def description(self) -> str:
        return inspect.cleandoc(self.view.__doc__ or "").partition("\n")[2].strip()


class Noun:
    """The endpoints of one noun, which together make a chapter of the document."""

    def __init__(self, name: str, about: str) -> None:
        self.name = name
        self.about = about
        self.endpoints: list[Endpoint] = []

    def __repr__(self) -> str:
        return f"<Noun {self.name}, {len(self.endpoints)} endpoints>"

    def endpoint(
        self,
        route: str,
        *,
        access: frozenset[Scope],
        answers: Mapping[int, type[BaseModel] | None],
        refusals: Sequence[int] = (),
        audited: bool | None = None,
    ) -> Callable[[View], View]:
        """`route`: such as `POST /v1/webhooks/{id}/test`; `refusals`: statuses beside those that all may answer.

        `audited`: whether a use of it is written down; without a word, all but GET are.
        """

        def add(view: View) -> View:
            method, path = route.split(" ")
            hints = get_type_hints(view)
            self.endpoints.append(
                Endpoint(
                    method=method,
                    path=path,
                    view=view,
                    access=access,
                    answers=answers,
                    refusals=refusals,
                    body=hints.get("body"),
                    query=hints.get("query"),
                    audited=method != "GET" if audited is None else audited,
                )
            )
            return view

        return add
