"""`slack_sdk`'s own Socket Mode client, unmodified: says each envelope on stdout and acknowledges it.

python socket_mode_client.py API_URL TOKEN
"""

import json
import os
import sys

from slack_sdk import WebClient
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse


def tell(**said: object) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def hear(client: BaseSocketModeClient, request: SocketModeRequest) -> None:
    answer = {"text": "on it"} if request.accepts_response_payload else None
    client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id, payload=answer))
    tell(kind=request.type, payload=request.payload, attempt=request.retry_attempt, reason=request.retry_reason)


def main() -> None:
    api_url, token = sys.argv[1:]
    client = SocketModeClient(app_token=token, web_client=WebClient(base_url=api_url))
    client.socket_mode_request_listeners.append(hear)
    client.connect()
    tell(ready=True)
    sys.stdin.read()
    os._exit(0)  # its own close waits out a read of 3 s


main()
