"""A Bolt app in Socket Mode, unmodified Bolt: says what its listeners get.

python bolt_app.py API_URL APP_TOKEN BOT_TOKEN
"""

import json
import os
import sys
from collections.abc import Callable

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

Payload = dict[str, object]


def tell(**said: object) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def main() -> None:
    api_url, app_token, bot_token = sys.argv[1:]
    app = App(client=WebClient(token=bot_token, base_url=api_url))

    @app.event("message")
    def hear(event: Payload) -> None:
        tell(listener="message", payload=event)

    @app.event("app_mention")
    def answer(event: Payload, say: Callable[[str], object]) -> None:
        say("you called?")
        tell(listener="app_mention", payload=event)

    @app.event("reaction_added")
    def notice(event: Payload) -> None:
        tell(listener="reaction_added", payload=event)

    @app.command("/deploy")
    def deploy(ack: Callable[[str], object], command: Payload) -> None:
        ack(f"deploying {command['text']}")
        tell(listener="command", payload=command)

    @app.action("yes")
    def press(ack: Callable[[], object], body: Payload) -> None:
        ack()
        tell(listener="action", payload=body)

    runner = SocketModeHandler(app, app_token, web_client=WebClient(base_url=api_url))
    runner.connect()  # type: ignore[no-untyped-call]  # Bolt has types for most
    tell(ready=True)
    sys.stdin.read()
    os._exit(0)  # its own close waits out a read of 3 s


main()
