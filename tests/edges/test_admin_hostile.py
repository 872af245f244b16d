"""Hostile input: requests that a stranger's tool makes from the document, right ones and wrong ones."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings, strategies as st
from schemathesis.specs.openapi import checks as rules

from relay.admin.endpoints import Endpoint
from relay.admin.nouns import NOUNS
from relay.admin.openapi import document
from relay.core.webhook import Json
from tests.edges.desk import TOKEN, Desk, open_desk
from tests.servers import RedisServer

SCHEMA = schemathesis.openapi.from_dict(document(NOUNS, "test"))
CHECKS = [
    schemathesis.checks.not_a_server_error,
    rules.status_code_conformance,
    rules.content_type_conformance,
    rules.response_headers_conformance,
    rules.response_schema_conformance,
]
RIGHT, WRONG = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
TALKS_TO_OTHERS = {
    "webhook_actions_test",
    "webhook_actions_verify",
    "speech_message",
    "speech_typing",
    "speech_presence",
}
"""There is nobody to talk to here: test_admin_actions.py and test_admin_again.py have somebody."""
ENDPOINTS = [endpoint for noun in NOUNS for endpoint in noun.endpoints]


@pytest.fixture(scope="module")
def desk(redis_server: RedisServer) -> Iterator[Desk]:
    redis_server.forget_everything()
    with open_desk(redis_server.url) as desk:
        yield desk


class Case(Protocol):
    """What schemathesis makes: one request."""

    path_parameters: dict[str, Json]
    body: object

    def call_and_validate(self, url: str, *, headers: dict[str, str], checks: Sequence[object]) -> object: ...


def known(desk: Desk, path: str) -> Json:
    """The id of something that is there, for a path such as /v1/webhooks/{id}."""
    match path.split("/")[2]:
        case "webhooks":
            return desk.made()["id"]
        case "connections":
            return desk.ask("POST", "/v1/connections", {"kind": "rtm", "token": "xoxb-1"}).body["id"]
        case "keys":
            return desk.ask("POST", "/v1/keys", {"name": "x", "scope": "read"}).body["id"]
        case "replays":
            asked: Json = {"webhook": desk.made()["id"], "since": "2020-01-01T00:00:00Z"}
            return desk.ask("POST", "/v1/replays", asked).body.get("id", "none")
        case "events":
            desk.store.append("Ev1")
            return "Ev1"
        case _:
            return "none"


def may_be_wrong(endpoint: Endpoint) -> bool:
    return "{id}" in endpoint.path or endpoint.query is not None or endpoint.body is not None


ASKED = [(endpoint, RIGHT) for endpoint in ENDPOINTS] + [
    (endpoint, WRONG) for endpoint in ENDPOINTS if may_be_wrong(endpoint)
]


@pytest.mark.parametrize(("endpoint", "mode"), ASKED, ids=[f"{mode.value} {endpoint.name}" for endpoint, mode in ASKED])
def test_every_answer_is_one_that_the_document_names(
    desk: Desk, endpoint: Endpoint, mode: schemathesis.GenerationMode
) -> None:
    operation = SCHEMA[endpoint.path][endpoint.method]

    @settings(max_examples=12, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode), there=st.booleans())
    def ask(case: Case, there: bool) -> None:
        if there and "{id}" in endpoint.path and endpoint.name not in TALKS_TO_OTHERS:
            case.path_parameters["id"] = known(desk, endpoint.path)
        if endpoint.name == "webhooks_create" and isinstance(case.body, dict):
            case.body.pop("verify", None)
        case.call_and_validate(desk.url, headers={"Authorization": f"Bearer {TOKEN}"}, checks=CHECKS)

    ask()
