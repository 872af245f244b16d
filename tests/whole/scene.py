"""What tests of the whole say and ask for in one line: a relay that holds both connections, a webhook, a word."""

from time import time

from relay.core.webhook import Json
from relay.simulator.options import APP_TOKEN, BOT_TOKEN
from relay.simulator.slack import SimulatedSlack
from tests.receivers import Receiver
from tests.whole.api import call
from tests.whole.program import Program


def environment(slack: SimulatedSlack, redis_url: str) -> dict[str, str]:
    """Of a relay with a connection of each kind."""
    tokens = {"SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_APP_TOKEN": APP_TOKEN}
    return {"SLACK_API_URL": slack.api_url, "REDIS_URL": redis_url, **tokens}


def register(relay: Program, receiver: Receiver, connection: str) -> None:
    """A webhook for the messages of one connection."""
    wanted: Json = {"url": receiver.url, "events": ["message"], "connections": [connection]}
    assert call(relay.address, "POST /v1/webhooks", wanted).status == 201


def speak(slack: SimulatedSlack, text: str) -> None:
    """Somebody writes `text` in a channel."""
    channel, user = slack.workspace.channels[0].id, slack.workspace.people[0].id
    slack.emit({"type": "message", "channel": channel, "user": user, "text": text, "ts": slack.stamps.next(time())})
