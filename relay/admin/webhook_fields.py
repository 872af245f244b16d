"""The fields of a webhook as its owner sends them: what each may hold, and what is said if it holds something else."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, StringConstraints

from relay.core.callback import OWN_HEADERS
from relay.core.header import refuse_header
from relay.core.pattern_reading import InvalidPattern, read_pattern
from relay.core.selectors import InvalidSelector, check_selector
from relay.core.signing import BadSecret, read_secret
from relay.core.url import URL_CHARS

# Limits, beside what svix (url, 50 headers), GitHub (one secret, no header) and Stripe (16 endpoints) allow.
EVENTS = 64
CHANNELS = 1000
CONNECTIONS = 100
HEADERS = 32
DESCRIPTION_CHARS = 500
TIMEOUT_S = (1.0, 30.0)
IN_FLIGHT = 100
RATE = 1000.0
RETRIES = 20
RETRY_WAIT_S = 7 * 86400.0


def _selector(selector: str) -> str:
    try:
        check_selector(selector)
    except InvalidSelector as error:
        raise ValueError(str(error)) from None
    return selector


def _channel(channel: str) -> str:
    if not re.fullmatch(r"[CDG][A-Z0-9]{1,20}", channel, re.ASCII):
        raise ValueError("is not a channel's id, such as C024BE91L (a name is none: names change)")
    return channel


def _filter(pattern: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    try:
        read_pattern(pattern)
    except InvalidPattern as error:
        raise ValueError(f"{error.path}: {error}" if error.path else str(error)) from None
    return pattern


def _secret(secret: str) -> str:
    try:
        read_secret(secret)
    except BadSecret as error:
        raise ValueError(str(error)) from None
    return secret


def _headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if refusal := refuse_header(name, value):
            raise ValueError(refusal)
        if name.lower() in OWN_HEADERS:
            raise ValueError(f"{name} is set by the relay")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("a header is named twice")
    return headers


def _unique(words: list[str]) -> list[str]:
    if len(set(words)) < len(words):
        raise ValueError("holds a value twice")
    return words


Url = Annotated[
    str,
    Field(
        max_length=URL_CHARS,
        description="where callbacks go: https or http, and public",
        examples=["https://example.com/slack/events"],
    ),
]
Selector = Annotated[str, AfterValidator(_selector)]
Events = Annotated[
    list[Selector],
    Field(
        min_length=1,
        max_length=EVENTS,
        description="selectors: `message`, `message.bot_message`, `channel_*`; `*` is every event that Slack's Events "
        "API also has, `**` typing and presence too; `relay.*`, `slash_commands`, `interactive` come when named",
        examples=[["message", "reaction_added"]],
    ),
    AfterValidator(_unique),
]
Channels = Annotated[
    list[Annotated[str, AfterValidator(_channel)]], Field(max_length=CHANNELS), AfterValidator(_unique)
]
Connections = Annotated[
    list[Annotated[str, StringConstraints(max_length=64)]], Field(max_length=CONNECTIONS), AfterValidator(_unique)
]
Filter = Annotated[
    dict[str, JsonValue],
    AfterValidator(_filter),
    Field(
        description="an EventBridge-style pattern over the envelope",
        examples=[{"event": {"text": [{"prefix": "deploy"}], "bot_id": [{"exists": False}]}}],
    ),
]
Secret = Annotated[str, AfterValidator(_secret)]
Description = Annotated[str, Field(max_length=DESCRIPTION_CHARS, description="for people")]
Headers = Annotated[
    dict[str, str],
    Field(max_length=HEADERS, description="sent with every callback; the values are never shown again"),
    AfterValidator(_headers),
]
Timeout = Annotated[float, Field(ge=TIMEOUT_S[0], le=TIMEOUT_S[1], description="seconds for one whole attempt")]
MaxInFlight = Annotated[int, Field(ge=1, le=IN_FLIGHT, description="attempts under way at once")]
RateLimit = Annotated[float, Field(gt=0, le=RATE, description="attempts a second")]
RetrySchedule = Annotated[
    list[Annotated[float, Field(ge=0, le=RETRY_WAIT_S)]],
    Field(max_length=RETRIES, description="seconds to wait before each attempt after the first"),
]
FormatWord = Annotated[
    Literal["slack", "cloudevents"], Field(description="of the body: Slack's own, or CloudEvents 1.0")
]
OrderWord = Annotated[
    Literal["none", "channel", "all"],
    Field(description="`channel`: events of a channel one after another; `all`: all events so"),
]
