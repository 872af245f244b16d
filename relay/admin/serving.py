"""Serving: one request from Flask to a view and back: who calls, what is asked, was it done; and write it down."""

from collections.abc import Callable

from flask import Response, request
from msgspec import Struct
from pydantic import BaseModel

from relay.admin.door import Door, address_of
from relay.admin.endpoints import Answer, Call, Caller, Endpoint
from relay.admin.facts import AuditMissed
from relay.admin.intake import read_body, read_query
from relay.admin.options import AdminOptions
from relay.admin.problems import Problem
from relay.admin.repeats import Repeats
from relay.core.apikey import Scope
from relay.store.audit import Act
from relay.store.errors import StoreAway

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
NOBODY = Caller(name="", scope=Scope.READ)


class Serving(Struct, frozen=True):
    rooms: AdminOptions
    door: Door
    repeats: Repeats

    def view(self, endpoint: Endpoint) -> Callable[..., Response]:
        """The endpoint as Flask calls it."""

        def view(**path: str) -> Response:
            return self._serve(endpoint, path)

        return view

    def _serve(self, endpoint: Endpoint, path: dict[str, str]) -> Response:
        call = self._call(self._admitted(endpoint) if endpoint.access else NOBODY)
        asked = _asked(endpoint)

        def act() -> Response:
            answer = endpoint.view(call, **path, **asked)
            if endpoint.audited:
                target = path.get("id") or str(getattr(answer.body, "id", ""))
                fields = tuple(sorted(asked["body"].model_fields_set)) if "body" in asked else ()
                who, address = call.caller.name, address_of(request)
                self._write_down(Act(who=who, what=endpoint.name, target=target, fields=fields, address=address))
            return _response(answer)

        key = request.headers.get("Idempotency-Key") if endpoint.method == "POST" else None
        return act() if key is None else self.repeats.once(call.caller, key, act)

    def _admitted(self, endpoint: Endpoint) -> Caller:
        caller = self.door.admit(request)
        if caller.scope not in endpoint.access:
            needed = " or ".join(sorted(endpoint.access))
            raise Problem(403, "forbidden", f"This needs a key with the scope {needed}.")
        return caller

    def _call(self, caller: Caller) -> Call:
        return Call(
            rooms=self.rooms,
            caller=caller,
            if_match=request.if_match if "If-Match" in request.headers else None,
            if_none_match=request.if_none_match,
        )

    def _write_down(self, act: Act) -> None:
        try:
            self.rooms.audit.add(act)
        except StoreAway:  # it is done all the same, and the caller is to know
            self.rooms.report(AuditMissed(who=act.who, what=act.what, target=act.target))


def _asked(endpoint: Endpoint) -> dict[str, BaseModel]:
    asked: dict[str, BaseModel] = {}
    if endpoint.query is not None:
        asked["query"] = read_query(request.args, endpoint.query)
    if endpoint.body is not None:
        asked["body"] = read_body(request, endpoint.body, required=endpoint.body_required)
    return asked


def _response(answer: Answer) -> Response:
    response = Response(status=answer.status, headers={**HEADERS, **answer.headers})
    del response.headers["Content-Type"]
    if answer.body is not None:
        response.set_data(answer.body.model_dump_json())
        response.headers["Content-Type"] = "application/json"
    return response
