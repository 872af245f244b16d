"""The remote control, for tests in other processes and other languages: `/control/…`, JSON in and out.

| call | does |
|---|---|
| `GET /control` | what is open, how much was sent |
| `GET /control/emitted?last=100` | the last events that were sent |
| `POST /control/events` | sends the body as an event |
| `POST /control/rate` `{"rate": 5}` | lets people talk faster or slower; 0: not at all |
| `POST /control/mischief` `{"kind": "silence", "sockets": "rtm"}` | does it to sockets: `rtm`, `socket_mode`, `all` |
| `POST /control/faults` `{"method": "rtm.connect", "times": 2, "error": "fatal_error"}` | plans wrong answers |
| `DELETE /control/faults` | forgets them, ends hangs |
| `POST /control/quota` `{"connects_per_minute": 1}` | Slack's limit on rtm.connect; null: none |
| `POST /control/expire` | every URL that was given out and not used is too old |
| `POST /control/commands` `{"command": "/deploy", "text": "now"}` | a slash command; answers with the acknowledgement |
| `POST /control/clicks` `{"action_id": "yes", "value": "1"}` | a button; the same |
"""

from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import msgspec
from flask import Blueprint, Response, abort, request
from gevent import Timeout

from relay.core import json_text
from relay.core.webhook import Json
from relay.simulator import gestures
from relay.simulator.faults import Fault
from relay.simulator.line import Line
from relay.simulator.mischief import Mischief
from relay.simulator.socket_mode import Envelope
from relay.simulator.workspace import Event

if TYPE_CHECKING:
    from relay.simulator.slack import SimulatedSlack

ACKNOWLEDGED_WITHIN_S = 5.0


NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Times = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
Status = Annotated[int, msgspec.Meta(ge=200, le=599)]


class Order(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The body of a call."""


class RateOrder(Order):
    rate: NotNegative


class MischiefOrder(Order):
    kind: Mischief
    sockets: Literal["all", "rtm", "socket_mode"] = "all"


class FaultOrder(Order):
    method: str
    times: Times = 1
    status: Status = 200
    error: str = ""
    body: str = ""
    content_type: str = "text/html"
    retry_after_s: int | None = None
    hangs: bool = False


class QuotaOrder(Order):
    connects_per_minute: int | None


class CommandOrder(Order):
    command: str
    text: str = ""


class ClickOrder(Order):
    action_id: str
    value: str = ""


Given = TypeVar("Given", bound=Order)


def control(slack: "SimulatedSlack") -> Blueprint:
    blueprint = Blueprint("control", __name__, url_prefix="/control")
    _look(blueprint, slack)
    _speak(blueprint, slack)
    _provoke(blueprint, slack)
    _restrict(blueprint, slack)
    _gesture(blueprint, slack)
    return blueprint


def _look(blueprint: Blueprint, slack: "SimulatedSlack") -> None:
    @blueprint.get("")
    def show() -> Response:
        return _json(
            {
                "rtm_connections": len(slack.rtm.connections),
                "socket_mode_connections": len(slack.socket_mode.lines),
                "emitted": slack.emitted_count,
                "rate": slack.people.rate,
                "envelopes": [_envelope(envelope) for envelope in list(slack.socket_mode.envelopes)[-100:]],
            }
        )

    @blueprint.get("/emitted")
    def show_emitted() -> Response:
        last = request.args.get("last", 100, type=int)
        return _json({"events": list(list(slack.emitted)[-last:])})


def _speak(blueprint: Blueprint, slack: "SimulatedSlack") -> None:
    @blueprint.post("/events")
    def emit() -> Response:
        event = request.get_json()
        if not isinstance(event, dict):
            abort(400, "an event is an object")
        slack.emit(event)
        return _json({})

    @blueprint.post("/rate")
    def set_rate() -> Response:
        slack.people.rate = _order(RateOrder).rate
        return _json({})


def _provoke(blueprint: Blueprint, slack: "SimulatedSlack") -> None:
    @blueprint.post("/mischief")
    def play() -> Response:
        order = _order(MischiefOrder)
        lines = _lines(slack, order.sockets)
        slack.play(order.kind, lines)
        return _json({"sockets": len(lines)})

    @blueprint.post("/faults")
    def plan() -> Response:
        order = _order(FaultOrder)
        fault = Fault(
            status=order.status,
            error=order.error,
            body=order.body,
            content_type=order.content_type,
            retry_after_s=order.retry_after_s,
            hangs=order.hangs,
        )
        slack.faults.plan(order.method, fault, times=order.times)
        return _json({})

    @blueprint.delete("/faults")
    def forget() -> Response:
        slack.faults.clear()
        return _json({})


def _restrict(blueprint: Blueprint, slack: "SimulatedSlack") -> None:
    @blueprint.post("/quota")
    def limit() -> Response:
        slack.connect_quota.calls = _order(QuotaOrder).connects_per_minute
        return _json({})

    @blueprint.post("/expire")
    def expire() -> Response:
        slack.rtm.tickets.expire_all()
        slack.socket_mode.tickets.expire_all()
        return _json({})


def _gesture(blueprint: Blueprint, slack: "SimulatedSlack") -> None:
    person, channel = slack.workspace.people[0], slack.workspace.channels[0]

    @blueprint.post("/commands")
    def command() -> Response:
        order = _order(CommandOrder)
        payload = gestures.slash_command(slack.workspace, person, channel, command=order.command, text=order.text)
        return _acknowledgement(slack.socket_mode.offer("slash_commands", payload, accepts_response=True))

    @blueprint.post("/clicks")
    def click() -> Response:
        order = _order(ClickOrder)
        payload = gestures.block_actions(slack.workspace, person, channel, action_id=order.action_id, value=order.value)
        return _acknowledgement(slack.socket_mode.offer("interactive", payload, accepts_response=False))


def _order(kind: type[Given]) -> Given:
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        abort(400, str(wrong))


def _lines(slack: "SimulatedSlack", which: str) -> list[Line]:
    rtm = [connection.line for connection in slack.rtm.connections]
    return {"all": slack.lines, "rtm": rtm, "socket_mode": list(slack.socket_mode.lines)}[which]


def _acknowledgement(envelope: Envelope) -> Response:
    try:
        payload = envelope.acknowledged.get(timeout=ACKNOWLEDGED_WITHIN_S)
    except Timeout:
        abort(504, "nobody acknowledged it")
    return _json({"payload": payload, "attempts": len(envelope.ids)})


def _envelope(envelope: Envelope) -> Json:
    return {
        "kind": envelope.kind,
        "attempts": len(envelope.ids),
        "acknowledged": envelope.acknowledged.ready(),
        "given_up": envelope.given_up,
    }


def _json(answer: Event) -> Response:
    return Response(json_text.write(answer), mimetype="application/json")
