"""The log's ids lead from line to line, and to what the API and the stream say of the same."""

from relay.simulator.slack import SimulatedSlack
from tests.receivers import Receiver
from tests.whole.api import call
from tests.whole.browser import add_webhook
from tests.whole.program import Program
from tests.whole.scene import speak


def test_ids_join_the_lines_and_the_api(slack: SimulatedSlack, relay: Program, receiver: Receiver) -> None:
    webhook = add_webhook(relay, receiver.url)
    speak(slack, "hello")
    (got,) = receiver.wait_for(1)
    line = relay.fact("attempt", webhook=webhook)
    assert line["delivery"] == got.headers["webhook-id"]
    delivery = call(relay.address, f"GET /v1/deliveries/{line['delivery']}").body
    assert (delivery["webhook"], delivery["event"]) == (line["webhook"], line["event"])
    event = call(relay.address, f"GET /v1/events/{line['event']}").body
    assert event["connection"] == relay.fact("connection_changed", status="connected")["connection"]


def test_a_gap_is_told_when_it_begins_and_when_it_ends(slack: SimulatedSlack, relay: Program) -> None:
    connected = relay.fact("connection_changed", status="connected")
    for line in slack.lines:
        line.reset()
    deaf = relay.fact("connection_deaf", connection=connected["connection"])
    assert deaf["level"] == "warning"
    heard = relay.fact("connection_heard", connection=connected["connection"])
    assert float(str(heard["gap_s"])) > 0
    changed = relay.fact("connection_changed", status="reconnecting")
    assert (changed["was"], changed["error"]) == ("connected", deaf["error"])
