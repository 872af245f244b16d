"""`slack_sdk.rtm_v2.RTMClient`, unmodified: says each event on stdout, sends each line of stdin, ends when that ends.

python rtm_client.py API_URL TOKEN
"""

import json
import os
import sys

from slack_sdk import WebClient
from slack_sdk.rtm_v2 import RTMClient

Frame = dict[str, object]


def tell(**said: object) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def main() -> None:
    api_url, token = sys.argv[1:]
    client = RTMClient(token=token, web_client=WebClient(token=token, base_url=api_url), ping_interval=1)

    @client.on("*")
    def hear(_client: RTMClient, event: Frame) -> None:
        tell(event=event)

    client.connect()  # type: ignore[no-untyped-call]  # slack_sdk has types for most
    tell(ready=True)
    for line in sys.stdin:
        client.send(json.loads(line))
    os._exit(0)  # its own close waits out a read of 3 s


main()
