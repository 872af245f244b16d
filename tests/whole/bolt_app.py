"""An unmodified Bolt app in HTTP mode, as its README would have it; prints what its listeners get. Arguments: the
signing secret, the Web API's URL.
"""

import sys

from slack_bolt import Ack, App
from slack_sdk import WebClient


def tell(*words: object) -> None:
    """One piece: listeners have threads of their own, which `print` lets in between words."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


app = App(signing_secret=sys.argv[1], client=WebClient("xoxb-simulated", base_url=sys.argv[2]), token="xoxb-simulated")


@app.event("message")
def heard(event: dict[str, str]) -> None:
    tell("message", event["channel"], event.get("text", ""))


@app.event("reaction_added")
def reacted(event: dict[str, str]) -> None:
    tell("reaction_added", event["reaction"])


@app.event("app_mention")
def mentioned(event: dict[str, str]) -> None:
    tell("app_mention", event["channel"])


@app.command("/deploy")
def deploy(ack: Ack, command: dict[str, str]) -> None:
    ack(f"Deploying {command['text']}.")


@app.action("approve")
def approve(ack: Ack, action: dict[str, str]) -> None:
    ack()
    tell("approve", action["value"])


@app.view("form")
def submitted(ack: Ack) -> None:
    ack(response_action="errors", errors={"name": "is taken"})


if __name__ == "__main__":
    from http.server import HTTPServer

    from slack_bolt.app.app import SlackAppDevelopmentServer

    server = SlackAppDevelopmentServer(port=0, path="/slack/events", app=app)
    http: HTTPServer = server._server  # noqa: SLF001  # Bolt tells the port nowhere else
    tell("port", http.server_port)
    http.serve_forever()
