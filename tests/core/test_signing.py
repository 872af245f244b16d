"""Signatures: the published examples of both schemes, and what other people's verifiers say."""

import json
from base64 import b64encode
from hmac import digest
from time import time

import pytest
from hypothesis import given, strategies as st
from slack_sdk.signature import SignatureVerifier
from standardwebhooks import Webhook as StandardWebhook

from relay.core.signing import (
    SECRET_BYTES,
    BadSecret,
    Code,
    Key,
    KeyRing,
    make_secret,
    read_secret,
    ring,
    sign_slack,
    sign_standard,
    verifies_slack,
    verifies_standard,
)
from relay.core.webhook import SigningSecret

NEW, OLD = (make_secret(bytes([number]) * SECRET_BYTES) for number in (1, 2))


def keys(*secrets: str) -> tuple[SigningSecret, ...]:
    return tuple(SigningSecret(secret=secret) for secret in secrets)


def test_standard_webhooks_published_example() -> None:
    """The vector that the libraries of github.com/standard-webhooks/standard-webhooks share."""
    known = ring(keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), 0)
    signature = sign_standard(known, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body=b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_slack_s_published_example() -> None:
    """docs.slack.dev/authentication/verifying-requests-from-slack."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    secret = Code(b"8f742231b10e8888abcd99yyyzzz85a5")
    signature = sign_slack(KeyRing(Key(slack=secret, standard=secret)), 1531420618, body)
    assert signature == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


@given(st.binary(max_size=200), st.lists(st.binary(), min_size=1))
def test_a_code_is_the_standard_library_s(key: bytes, messages: list[bytes]) -> None:
    code = Code(key)
    assert [code.over(message) for message in messages] == [digest(key, message, "sha256") for message in messages]


@given(st.dictionaries(st.text(), st.text()))
def test_other_people_s_verifiers_agree(said: dict[str, str]) -> None:
    now, body = int(time()), json.dumps(said).encode()
    known = ring(keys(NEW, OLD), now)
    signatures = sign_standard(known, "dlv_1", now, body=body)
    for secret in (NEW, OLD):
        headers = {"webhook-id": "dlv_1", "webhook-timestamp": str(now), "webhook-signature": signatures}
        StandardWebhook(secret).verify(body, headers)
    assert SignatureVerifier(NEW).is_valid(body, str(now), sign_slack(known, now, body))
    assert not SignatureVerifier(OLD).is_valid(body, str(now), sign_slack(known, now, body))


def test_while_a_secret_is_rotated_both_sign_and_the_newest_comes_first() -> None:
    secrets = (SigningSecret(secret=NEW), SigningSecret(secret=OLD, until=100.0))
    both, later = ring(secrets, 99.0), ring(secrets, 100.0)
    assert sign_standard(both, "dlv_1", 1, body=b"").split() == [
        sign_standard(ring(keys(NEW), 0), "dlv_1", 1, body=b""),
        sign_standard(ring(keys(OLD), 0), "dlv_1", 1, body=b""),
    ]
    assert later == ring(keys(NEW), 0)
    assert sign_slack(both, 1, b"") == sign_slack(later, 1, b"")


def test_what_we_sign_we_verify_and_nothing_else() -> None:
    known, other = ring(keys(NEW), 0), ring(keys(OLD), 0)
    slack, standard = sign_slack(known, 1, b"a"), sign_standard(known, "dlv_1", 1, body=b"a")
    assert verifies_slack(known, slack, timestamp=1, body=b"a")
    assert not verifies_slack(known, slack, timestamp=1, body=b"b")
    assert not verifies_slack(other, slack, timestamp=1, body=b"a")
    assert verifies_standard(known, f"v1,other {standard}", id="dlv_1", timestamp=1, body=b"a")
    assert not verifies_standard(known, standard, id="dlv_2", timestamp=1, body=b"a")


@pytest.mark.parametrize("length", [24, 32, 64])
def test_a_secret_of_the_standard_s_lengths_is_read(length: int) -> None:
    read_secret("whsec_" + b64encode(bytes(length)).decode())


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_" + b64encode(bytes(23)).decode(),
        "whsec_" + b64encode(bytes(65)).decode(),
        "whsec_" + "*" * 40,
        b64encode(bytes(32)).decode(),
        "WHSEC_" + b64encode(bytes(32)).decode(),
        "whsec_" + b64encode(bytes(32)).decode()[:-1],
        "whsec_" + "é" * 40,
    ],
)
def test_what_is_no_secret_is_refused(secret: str) -> None:
    with pytest.raises(BadSecret):
        read_secret(secret)


def test_without_a_secret_nothing_is_signed() -> None:
    with pytest.raises(BadSecret):
        ring((), 0)


def test_no_secret_is_shown() -> None:
    assert NEW.removeprefix("whsec_") not in repr(ring(keys(NEW), 0)) + repr(keys(NEW))
