"""HTTP around the methods: how clients spell a call, how Slack spells an answer, and where a WebSocket's URL leads."""

from collections.abc import Callable

from flask import Blueprint, Response, abort, request

from relay.core import json_text
from relay.core.webhook import Json
from relay.http.upgrade import accept
from relay.http.websocket import SocketOptions
from relay.simulator.faults import UPGRADE, Fault, Faults
from relay.simulator.methods import Call, Methods
from relay.simulator.refusal import Refused
from relay.simulator.rtm import Rtm
from relay.simulator.socket_mode import SocketMode
from relay.simulator.workspace import Event

BEARER = "bearer "


def api(methods: Methods, faults: Faults, log: Callable[[str], None]) -> Blueprint:
    """`/api/<method>`."""
    blueprint = Blueprint("api", __name__, url_prefix="/api")

    @blueprint.route("/<method>", methods=["GET", "POST"])
    def call(method: str) -> Response:
        fault = faults.take(method)
        if fault is not None:
            log(f"{method}: a fault as planned: {fault}")
            return wrong(fault)
        asked = read_call(method)
        try:
            return _json(methods.answer(asked))
        except Refused as refused:
            log(f"{method}: {refused.word}")
            status = 429 if refused.retry_after_s is not None else 200
            return wrong(Fault(status=status, error=refused.word, retry_after_s=refused.retry_after_s))

    return blueprint


def doors(rtm: Rtm, socket_mode: SocketMode, *, faults: Faults, options: SocketOptions) -> Blueprint:
    """Where the URLs of rtm.connect and apps.connections.open lead."""
    blueprint = Blueprint("doors", __name__)

    @blueprint.get("/websocket/<ticket>", websocket=True)
    def open_rtm(ticket: str) -> Response:
        _stumble(faults)
        with accept(request.environ, options) as websocket:
            rtm.serve(websocket, ticket)
        return Response()

    @blueprint.get("/link/", websocket=True)
    def open_socket_mode() -> Response:
        _stumble(faults)
        short_lived = request.args.get("debug_reconnects", "") == "true"
        with accept(request.environ, options) as websocket:
            socket_mode.serve(websocket, request.args.get("ticket", ""), short_lived=short_lived)
        return Response()

    return blueprint


def read_call(method: str) -> Call:
    """The call, in every form that clients send it: query, form or JSON; token in the header or among the arguments."""
    arguments = {**request.args.to_dict(), **request.form.to_dict()}
    body = request.get_json(silent=True) if request.is_json else None
    if isinstance(body, dict):
        arguments |= {
            str(key): value if isinstance(value, str) else json_text.write(value).decode()
            for key, value in body.items()
        }
    given = arguments.pop("token", "")
    header = request.headers.get("Authorization", "")
    bearer = header[len(BEARER) :].strip() if header.lower().startswith(BEARER) else ""
    scheme = "wss" if request.headers.get("X-Forwarded-Proto", request.scheme) == "https" else "ws"
    return Call(
        method=method,
        posted=request.method == "POST",
        arguments=arguments,
        token=bearer or given,
        token_in_header=bool(bearer),
        origin=f"{scheme}://{request.host}",
    )


def wrong(fault: Fault) -> Response:
    response = (
        _json({"ok": False, "error": fault.error}) if fault.error else Response(fault.body, mimetype=fault.content_type)
    )
    response.status_code = fault.status
    if fault.retry_after_s is not None:
        response.headers["Retry-After"] = str(fault.retry_after_s)
    return response


def _stumble(faults: Faults) -> None:
    fault = faults.take(UPGRADE)
    if fault is not None:
        abort(wrong(fault))


def _spelt(value: Json) -> str:
    return value if isinstance(value, str) else json_text.write(value).decode()


def _json(answer: Event) -> Response:
    return Response(json_text.write(answer), mimetype="application/json")
