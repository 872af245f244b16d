"""Lambda, SQS, Cloud Run and Cloud Tasks, as far as the pages' Python sees them: a server that runs their functions.

python python.py FOLDER, with the pages' files in FOLDER/<page>. The first segment of a request's path says which
function; after Lambda's, `/base64` sends the body so. Says its port, and each piece of work that is done, as JSON.
"""

import importlib.util
import json
import os
import sys
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from slack_sdk.web.base_client import BaseClient
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

PAGES = Path(sys.argv[1]) if sys.argv[1:] else Path()
CONTEXT = SimpleNamespace(function_name="receive", invoked_function_arn="arn:aws:lambda:eu-west-1:1:function:receive")


class AlreadyExists(Exception):
    """A task with this name was there already."""


class Queue:
    """Takes each name once, and has the work done at once; full when it is told so."""

    def __init__(self) -> None:
        self.full = False
        self._taken: set[str] = set()

    def takes(self, name: str) -> bool:
        if self.full:
            raise RuntimeError("The queue is not there.")
        known = name in self._taken
        self._taken.add(name)
        return not known


queue = Queue()


class Sqs:
    """boto3's client of SQS. A queue's URL is the name of the function that fills it."""

    def send_message(self, **message: str) -> None:
        assert message.keys() == {"QueueUrl", "MessageBody", "MessageDeduplicationId", "MessageGroupId"}
        if queue.takes(message["MessageDeduplicationId"]):
            page("aws-lambda/work").work({"Records": [{"body": message["MessageBody"]}]}, CONTEXT)
            tell(place=message["QueueUrl"], worked=json.loads(message["MessageBody"])["event_id"])


def hand_over(**asked: str | dict[str, str | dict[str, str]]) -> None:
    """Cloud Tasks' create_task, its queue, and the service behind it."""
    wanted = asked["task"]
    assert isinstance(wanted, dict)
    assert str(wanted["name"]).startswith(f"{asked['parent']}/tasks/")
    if not queue.takes(str(wanted["name"])):
        raise AlreadyExists
    call = wanted["http_request"]
    assert isinstance(call, dict)
    said = page("cloud-run/work").app.test_client().post("/", data=call["body"], headers=call["headers"])
    assert said.status_code == 200
    tell(place="cloud-run", worked=json.loads(call["body"])["event_id"])


def tell(**said: str | int) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def page(name: str) -> ModuleType:
    """A file of a page, loaded once; two pages may have files of one name."""
    known = name.replace("/", "_").replace("-", "_")
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, PAGES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[known] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[known])
    return sys.modules[known]


def function_url(request: Request, *, base64: bool) -> dict[str, object]:
    """The payload format 2.0 (docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html)."""
    body = request.get_data()
    http = {"method": request.method, "path": request.path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"}
    return {
        "version": "2.0", "routeKey": "$default", "rawPath": request.path, "rawQueryString": "",
        "headers": {name.lower(): value for name, value in request.headers},
        "requestContext": {"accountId": "anonymous", "apiId": "url", "http": http, "routeKey": "$default"},
        "body": b64encode(body).decode() if base64 else body.decode(), "isBase64Encoded": base64,
    }  # fmt: skip


def lambda_answer(name: str, request: Request, *, base64: bool) -> Response:
    os.environ["QUEUE_URL"] = f"{name}/base64" if base64 else name
    try:
        said = page(f"aws-lambda/{name}").receive(function_url(request, base64=base64), CONTEXT)
    except Exception:  # noqa: BLE001  # Lambda answers for a function that raised
        return Response("Internal Server Error", 502)
    return Response(said.get("body", ""), said["statusCode"], said.get("headers"))


def clouds(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    request = Request(environ)
    answer: WSGIApplication
    match request.path.split("/")[1:]:
        case ["cloud-run", *_]:
            answer = page("cloud-run/main").app
            environ["PATH_INFO"] = request.path.removeprefix("/cloud-run")
        case ["queue", state]:
            queue.full = state == "full"
            answer = Response()
        case [name, *rest]:
            answer = lambda_answer(name, request, base64=rest == ["base64"])
    return answer(environ, start_response)


class Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None: ...


def stand_in(name: str, **members: object) -> ModuleType:
    """A module of the platform's, with what the pages use of it."""
    sys.modules[name] = made = ModuleType(name)
    vars(made).update(members)
    return made


def main() -> None:
    stand_in("boto3", client=lambda service: {"sqs": Sqs}[service]())
    stand_in("google.api_core.exceptions", AlreadyExists=AlreadyExists)
    client = SimpleNamespace(create_task=hand_over)
    stand_in("google.cloud", tasks_v2=stand_in("google.cloud.tasks_v2", CloudTasksClient=lambda: client))
    token, _, *others = BaseClient.__init__.__defaults__ or ()
    BaseClient.__init__.__defaults__ = (token, os.environ["SLACK_API_URL"], *others)  # Slack's name leads to ours
    server = make_server("127.0.0.1", 0, clouds, request_handler=Silent)
    tell(port=server.server_port)
    server.serve_forever()


if __name__ == "__main__":
    main()
