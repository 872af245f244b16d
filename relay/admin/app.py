"""The admin room as one WSGI application: the endpoints of every noun, the refusals, the document and its page."""

from collections.abc import Sequence

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import HTTPException

from relay.admin import problems
from relay.admin.door import Door
from relay.admin.doorkeeper import Doorkeeper
from relay.admin.facts import RequestFailed
from relay.admin.intake import BODY_BYTES
from relay.admin.nouns import NOUNS
from relay.admin.options import AdminOptions
from relay.admin.problems import Problem
from relay.admin.reference import reference
from relay.admin.repeats import Repeats
from relay.admin.serving import Serving
from relay.core.errors import Away
from relay.store.vault import Unsealable


def make_app(rooms: AdminOptions, blueprints: Sequence[Blueprint] = ()) -> Flask:
    """A plain WSGI application. `blueprints`: the dashboard and the live stream; they find the door at `extensions`."""
    app = Flask("relay", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES
    door = Door(rooms, Doorkeeper(rooms.admin_token, rooms.api_keys, rooms.now), rooms.sessions)
    app.extensions["door"] = door
    serving = Serving(rooms, door, Repeats(rooms.idempotency))
    for endpoint in (endpoint for noun in NOUNS for endpoint in noun.endpoints):
        app.add_url_rule(
            endpoint.path.replace("{", "<").replace("}", ">"),
            endpoint=endpoint.name,
            view_func=serving.view(endpoint),
            methods=[endpoint.method],
            provide_automatic_options=False,
        )
    for blueprint in (reference(NOUNS, rooms.version), *blueprints):
        app.register_blueprint(blueprint)
    _refuse_in_words(app, rooms)
    return app


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

    @app.errorhandler(Unsealable)
    def refuse_unsealable(_: Unsealable) -> Response:
        return problems.answer(problems.unsealable())

    @app.errorhandler(Exception)
    def refuse_unexpected(error: Exception) -> Response:
        rooms.report(RequestFailed.of(request.method, request.path, error))
        return problems.answer(problems.unexpected())
