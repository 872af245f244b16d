"""The admin room as one WSGI application: the endpoints of every noun, the refusals, the document and its pages."""

from collections.abc import Callable, Sequence

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import HTTPException

from relay.admin import problems
from relay.admin.doorkeeper import Doorkeeper, client_address
from relay.admin.endpoints import Answer, Call, Caller, Endpoint, Scope
from relay.admin.facts import RequestFailed
from relay.admin.intake import BODY_BYTES, read_body, read_query
from relay.admin.nouns import NOUNS
from relay.admin.options import AdminOptions
from relay.admin.problems import Problem
from relay.admin.reference import reference
from relay.core.errors import Away

JSON_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
NOBODY = Caller(name="", scope=Scope.READ)


def make_app(rooms: AdminOptions, blueprints: Sequence[Blueprint] = ()) -> Flask:
    """A plain WSGI application. `blueprints`: rooms with doors of their own, the dashboard and the live stream."""
    app = Flask("relay", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES
    doorkeeper = Doorkeeper(rooms.admin_token, _find_key, rooms.now)
    for noun in NOUNS:
        for endpoint in noun.endpoints:
            app.add_url_rule(
                endpoint.path.replace("{", "<").replace("}", ">"),
                endpoint=endpoint.name,
                view_func=_view(endpoint, rooms, doorkeeper),
                methods=[endpoint.method],
                provide_automatic_options=False,
            )
    for blueprint in (reference(NOUNS, rooms.version), *blueprints):
        app.register_blueprint(blueprint)
    _refuse_in_words(app, rooms)
    return app


def _find_key(hashed: str) -> Caller | None:  # noqa: ARG001 - no keys yet
    return None


def _view(endpoint: Endpoint, rooms: AdminOptions, doorkeeper: Doorkeeper) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        caller = _admitted(doorkeeper, endpoint) if endpoint.access else NOBODY
        call = Call(
            rooms=rooms,
            caller=caller,
            if_match=request.headers.get("If-Match"),
            if_none_match=request.headers.get("If-None-Match"),
        )
        return _response(endpoint.view(call, **path, **_asked(endpoint)))

    return view


def _admitted(doorkeeper: Doorkeeper, endpoint: Endpoint) -> Caller:
    address = client_address(request.remote_addr or "", request.headers.get("X-Forwarded-For"))
    caller = doorkeeper.admit(request.headers.get("Authorization"), address)
    if caller.scope not in endpoint.access:
        raise Problem(403, "forbidden", f"This needs a key with the scope {' or '.join(sorted(endpoint.access))}.")
    return caller


def _asked(endpoint: Endpoint) -> dict[str, object]:
    asked: dict[str, object] = {}
    if endpoint.query is not None:
        asked["query"] = read_query(request.args, endpoint.query)
    if endpoint.body is not None:
        asked["body"] = read_body(request, endpoint.body, required=endpoint.body_required)
    return asked


def _response(answer: Answer) -> Response:
    body = None if answer.body is None else answer.body.model_dump_json()
    media = "application/json" if body is not None else None
    response = Response(body, answer.status, headers={**JSON_HEADERS, **answer.headers}, content_type=media)
    if body is None:
        response.headers.pop("Content-Type", None)
    return response


def _refuse_in_words(app: Flask, rooms: AdminOptions) -> None:
    @app.errorhandler(Problem)
    def refuse(problem: Problem) -> Response:
        return problems.answer(problem)

    @app.errorhandler(HTTPException)
    def refuse_http(fault: HTTPException) -> Response:
        return problems.answer(problems.from_http(fault))

    @app.errorhandler(Away)
    def refuse_away(_: Away) -> Response:
        return problems.answer(problems.away())

    @app.errorhandler(Exception)
    def refuse_unexpected(error: Exception) -> Response:
        rooms.report(RequestFailed.of(request.method, request.path, error))
        return problems.answer(problems.unexpected())
