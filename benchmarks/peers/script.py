"""The script in Python: slack_sdk's RTM client, a pool of threads, requests.

`python -m benchmarks.peers.script API_URL SECRET URL…`: prints "up" when Slack has said hello.
"""

import base64
import hashlib
import hmac
import json
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import requests
from slack_sdk.rtm_v2 import RTMClient

THREADS = 32

api_url, secret, *urls = sys.argv[1:]
slack_key = secret.encode()
standard_key = base64.b64decode(secret.removeprefix("whsec_"))
pool = ThreadPoolExecutor(THREADS)
own = threading.local()
rtm = RTMClient(token="xoxb-1", base_url=api_url + "/api/")  # noqa: S106  # of a Slack that asks for none


def session() -> requests.Session:
    """One for each thread: it keeps its connections."""
    if not hasattr(own, "session"):
        own.session = requests.Session()
    return own.session  # type: ignore[no-any-return]  # a thread's own attributes have no types


def post(url: str, body: bytes) -> None:
    timestamp, id = str(int(time.time())), f"msg_{uuid.uuid4().hex}"
    slack = hmac.new(slack_key, f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    standard = hmac.digest(standard_key, f"{id}.{timestamp}.".encode() + body, "sha256")
    headers = {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={slack}",
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + base64.b64encode(standard).decode(),
    }
    session().post(url, data=body, headers=headers, timeout=10)


@rtm.on("message")
def forward(_client: RTMClient, event: dict[str, object]) -> None:
    body = json.dumps({"type": "event_callback", "event": event}).encode()
    for url in urls:
        pool.submit(post, url, body)


@rtm.on("hello")
def greet(_client: RTMClient, _event: dict[str, object]) -> None:
    sys.stdout.write("up\n")
    sys.stdout.flush()


if __name__ == "__main__":
    rtm.start()
