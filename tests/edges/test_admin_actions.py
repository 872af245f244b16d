"""Trial calls, challenges and secrets: over the real path, to a real endpoint."""

import json
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest
from slack_sdk.signature import SignatureVerifier
from standardwebhooks import Webhook as Verifier

from relay.core.webhook import Json
from tests.edges.desk import Desk, open_desk
from tests.receivers import Answer, Got, Receiver
from tests.store.filled import webhook


@pytest.fixture
def desk(redis_url: str) -> Iterator[Desk]:
    with open_desk(redis_url) as desk:
        yield desk


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def signed_with(got: Got, secret: Json) -> bool:
    """Whether both schemes' verifiers, other people's code, accept the callback."""
    slack = SignatureVerifier(str(secret)).is_valid_request(got.body, got.headers)
    Verifier(str(secret)).verify(got.body, got.headers)
    return slack


def test_a_test_call_sends_one_signed_sample_and_shows_what_came_of_it(desk: Desk, receiver: Receiver) -> None:
    receiver.answer = lambda _: Answer(202, b"thanks", (("X-Mine", "1"),))
    made = desk.made(url=receiver.url, headers={"X-Api-Key": "hush"})
    said = desk.ask("POST", f"/v1/webhooks/{made['id']}/test")
    assert said.status == 200
    assert (said.body["status"], said.body["excerpt"], said.body["failure"]) == (202, "thanks", None)
    headers = said.body["headers"]
    assert isinstance(headers, dict)
    assert headers["x-mine"] == "1"
    (got,) = receiver.got
    assert signed_with(got, made["secret"])
    assert got.headers["x-api-key"] == "hush"
    assert json.loads(got.body)["event"]["type"] == "message"
    assert desk.ask("GET", "/v1/deliveries").rows == []


def test_a_test_call_says_why_no_answer_came(desk: Desk) -> None:
    with Receiver() as receiver:
        made = desk.made(url=receiver.url)
    said = desk.ask("POST", f"/v1/webhooks/{made['id']}/test").body
    assert (said["status"], said["failure"]) == (None, "connect")
    assert said["detail"]


def test_a_test_call_meets_the_guard_of_every_delivery(desk: Desk) -> None:
    """The record was written when its network was allowed."""
    desk.store.webhooks.add(webhook("wh_1", url="http://10.0.0.1/"))
    said = desk.ask("POST", "/v1/webhooks/wh_1/test").body
    assert said["failure"] == "refused"
    assert "private" in str(said["detail"])
    challenged = desk.ask("POST", "/v1/webhooks/wh_1/verify")
    assert challenged.status == 422
    assert "private" in str(challenged.body["detail"])


def echo_json(got: Got) -> Answer:
    return Answer(body=json.dumps({"challenge": json.loads(got.body)["challenge"]}).encode())


def echo_text(got: Got) -> Answer:
    return Answer(body=json.loads(got.body)["challenge"].encode())


def echo_form(got: Got) -> Answer:
    return Answer(body=b"challenge=" + json.loads(got.body)["challenge"].encode())


@pytest.mark.parametrize("echo", [echo_json, echo_text, echo_form])
def test_a_url_that_answers_the_challenge_is_verified_at_birth_and_later(
    desk: Desk, receiver: Receiver, echo: "object"
) -> None:
    receiver.answer = echo  # type: ignore[assignment]  # one of the three above
    made = desk.made(url=receiver.url, verify=True, format="cloudevents")
    assert desk.ask("POST", f"/v1/webhooks/{made['id']}/verify").body == {"verified": True}
    for got in receiver.got:
        assert json.loads(got.body)["type"] == "url_verification"
        assert signed_with(got, made["secret"])


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(200, b"ok"), "does not hold the challenge"),
        (Answer(200, b'{"challenge": 1}'), "does not hold the challenge"),
        (Answer(404, b"no"), "status 404"),
        (Answer(302, b"", (("Location", "/"),)), "status 302"),
    ],
    ids=["other text", "other JSON", "404", "302"],
)
def test_a_url_that_does_not_answer_the_challenge_is_refused(
    desk: Desk, receiver: Receiver, answer: Answer, why: str
) -> None:
    receiver.answer = lambda _: answer
    said = desk.ask("POST", "/v1/webhooks", {"url": receiver.url, "events": ["*"], "verify": True})
    assert (said.status, said.body["code"]) == (422, "verification_failed")
    assert why in str(said.body["detail"])
    assert desk.ask("GET", "/v1/webhooks").rows == []


def test_a_rotated_secret_signs_beside_the_old_one_until_the_overlap_ends(desk: Desk, receiver: Receiver) -> None:
    made = desk.made(url=receiver.url)
    path = f"/v1/webhooks/{made['id']}"
    rotated = desk.ask("POST", f"{path}/rotate-secret", {"overlap": "1h"})
    assert rotated.status == 200
    new = rotated.body["secret"]
    assert new != made["secret"]
    assert rotated.body["old_secrets"][0]["secret"] == made["secret"]  # type: ignore[index,call-overload]
    assert desk.ask("GET", f"{path}/secret").body == rotated.body
    desk.ask("POST", f"{path}/test")
    (got,) = receiver.got
    assert signed_with(got, new)
    Verifier(str(made["secret"])).verify(got.body, got.headers)
    desk.ahead_s = 3601
    assert desk.ask("GET", f"{path}/secret").body == {"secret": new, "old_secrets": []}


def test_without_an_overlap_the_old_secret_ends_at_once(desk: Desk, receiver: Receiver) -> None:
    made = desk.made(url=receiver.url)
    own = "whsec_" + "QUJD" * 10
    path = f"/v1/webhooks/{made['id']}"
    said = desk.ask("POST", f"{path}/rotate-secret", {"overlap": "0s", "secret": own})
    assert said.body == {"secret": own, "old_secrets": []}


@pytest.mark.parametrize("overlap", ["8d", "1w", "-1h", "", 3600, None])
def test_an_overlap_is_a_duration_of_at_most_seven_days(desk: Desk, overlap: Json) -> None:
    path = f"/v1/webhooks/{desk.made()['id']}"
    said = desk.ask("POST", f"{path}/rotate-secret", {"overlap": overlap})
    assert said.status == 422
    assert list(said.wrong) == ["overlap"]


def test_a_sample_is_a_form_for_nobody(desk: Desk, receiver: Receiver) -> None:
    """A sample is always an event, also for a webhook of slash commands: a form would start something."""
    made = desk.made(url=receiver.url, events=["slash_commands"])
    desk.ask("POST", f"/v1/webhooks/{made['id']}/test")
    assert parse_qs(receiver.got[0].body.decode()) == {}
