"""A callback as it goes out: headers, and a body that is the same on every try."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from hypothesis import given, strategies as st
from msgspec.structs import replace as changed

from relay.core.callback import CLOUDEVENTS_MEDIA, OWN_HEADERS, cloud_event, write_callback
from relay.core.delivery import Claim
from relay.core.envelope import Envelope, Media
from relay.core.ids import ConnectionId, DeliveryId, EventId, WebhookId
from relay.core.webhook import Format, SigningSecret, Webhook

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
WEBHOOK = Webhook(
    id=WebhookId("wh_1"),
    url="https://example.com/",
    events=("*",),
    secrets=(SigningSecret(secret=SECRET),),
    headers=(("X-Own", "mine"),),
)
ENVELOPE = Envelope(
    event_id=EventId("Ev1"),
    connection=ConnectionId("con_1"),
    kind="message.message_changed",
    channel="C1",
    received_at=1700000000.25,
    body=b'{"type":"event_callback","event":{"text":"\\u00e9"}}',
)
CLAIM = Claim(
    sequence=1,
    id=DeliveryId("dlv_1"),
    webhook=WEBHOOK.id,
    event_id=ENVELOPE.event_id,
    tries=0,
    losses=0,
    fence=1,
    lease_s=15.0,
)


def headers(claim: Claim = CLAIM, webhook: Webhook = WEBHOOK, now: float = 1700000001.9) -> dict[str, str]:
    return read_headers(write_callback(webhook, ENVELOPE, claim, agent="relay/1", now=now)[0])


def read_headers(lines: str) -> dict[str, str]:
    assert lines.endswith("\r\n")
    return dict(line.split(": ", 1) for line in lines.splitlines())


def read(envelope: Envelope) -> BaseCloudEvent:
    """As CloudEvents' own package reads what is sent."""
    lines, body = write_callback(replace(WEBHOOK, format=Format.CLOUDEVENTS), envelope, CLAIM, agent="a", now=1.0)
    media = read_headers(lines)["Content-Type"]
    assert media == CLOUDEVENTS_MEDIA
    return from_http_event(HTTPMessage(headers={"Content-Type": media}, body=body))


def test_the_first_try_says_all_but_that_it_is_a_retry() -> None:
    sent = headers()
    assert list(sent) == [
        "Content-Type",
        "User-Agent",
        "X-Slack-Request-Timestamp",
        "X-Slack-Signature",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "X-Own",
    ]
    assert (sent["Content-Type"], sent["User-Agent"], sent["webhook-id"]) == ("application/json", "relay/1", "dlv_1")
    assert sent["X-Slack-Request-Timestamp"] == sent["webhook-timestamp"] == "1700000001"


@pytest.mark.parametrize(
    ("tries", "losses", "reason", "sent"),
    [
        (1, 0, "http_timeout", ("1", "http_timeout")),
        (0, 1, "", ("1", "unknown_error")),
        (2, 3, "http_error", ("5", "http_error")),
    ],
)
def test_a_later_try_says_which_it_is_and_why(tries: int, losses: int, reason: str, sent: tuple[str, str]) -> None:
    claim = changed(CLAIM, tries=tries, losses=losses, retry_reason=reason)
    assert (headers(claim)["X-Slack-Retry-Num"], headers(claim)["X-Slack-Retry-Reason"]) == sent


def test_the_body_is_the_same_on_every_try_and_the_signature_is_not() -> None:
    for format in Format:
        webhook = replace(WEBHOOK, format=format)
        first, body = write_callback(webhook, ENVELOPE, CLAIM, agent="a", now=1.0)
        second, same_body = write_callback(webhook, ENVELOPE, changed(CLAIM, tries=1), agent="b", now=99.0)
        assert body == same_body
        assert read_headers(first)["webhook-signature"] != read_headers(second)["webhook-signature"]


def test_what_slack_sent_is_sent_byte_for_byte() -> None:
    for envelope in (ENVELOPE, changed(ENVELOPE, media=Media.FORM, body=b"payload=%7B%7D")):
        lines, body = write_callback(WEBHOOK, envelope, CLAIM, agent="a", now=1.0)
        assert (read_headers(lines)["Content-Type"], body) == (envelope.media, envelope.body)


def test_cloudevents_own_reader_reads_our_cloudevent() -> None:
    event = read(ENVELOPE)
    assert {**event.get_attributes()} == {
        "specversion": "1.0",
        "id": "Ev1",
        "source": "/slack/con_1",
        "type": "com.slack.message.message_changed",
        "time": datetime(2023, 11, 14, 22, 13, 20, 250_000, tzinfo=UTC),
        "datacontenttype": "application/json",
    }
    assert event.get_data() == json.loads(ENVELOPE.body)


def test_the_relay_s_own_events_are_cloudevents_of_their_own_kind() -> None:
    own = read(changed(ENVELOPE, kind="relay.webhook_failing", connection=None))
    assert (own.get_type(), own.get_source()) == ("relay.webhook_failing", "/slack/relay")


def test_a_form_is_a_cloudevent_s_string() -> None:
    form = read(changed(ENVELOPE, media=Media.FORM, body=b"payload=%7B%22type%22%3A%22block_actions%22%7D&a=b+c"))
    assert form.get_data() == "payload=%7B%22type%22%3A%22block_actions%22%7D&a=b+c"
    assert form.get_datacontenttype() == "application/x-www-form-urlencoded"


@given(st.floats(min_value=0, max_value=4e9))
def test_a_moment_is_rfc_3339_in_milliseconds(received_at: float) -> None:
    body = json.loads(cloud_event(changed(ENVELOPE, received_at=received_at)))
    assert len(body["time"]) == len("2023-11-14T22:13:20.250Z")


def test_an_owner_s_header_comes_beside_ours_and_never_in_place_of_one() -> None:
    assert not {name.lower() for name, _ in WEBHOOK.headers} & OWN_HEADERS
    assert {name.lower() for name in headers()} - {"x-own"} <= OWN_HEADERS
