# what it hears is told on stdout
"""An unmodified Bolt app in HTTP mode, as its README would have it; prints what its listeners get. Arguments: the
signing secret, the Web API's URL.
"""

import sys

from slack_bolt import App
from slack_sdk import WebClient

app = App(signing_secret=sys.argv[1], client=WebClient("xoxb-simulated", base_url=sys.argv[2]), token="xoxb-simulated")


@app.event("message")
def heard(event: dict[str, str]) -> None:
    print("message", event["channel"], event.get("text", ""), flush=True)


@app.event("reaction_added")
def reacted(event: dict[str, str]) -> None:
    print("reaction_added", event["reaction"], flush=True)


@app.event("app_mention")
def mentioned(event: dict[str, str]) -> None:
    print("app_mention", event["channel"], flush=True)


if __name__ == "__main__":
    from http.server import HTTPServer

    from slack_bolt.app.app import SlackAppDevelopmentServer

    server = SlackAppDevelopmentServer(port=0, path="/slack/events", app=app)
    http: HTTPServer = server._server  # noqa: SLF001  # Bolt tells the port nowhere else
    print("port", http.server_port, flush=True)
    http.serve_forever()
