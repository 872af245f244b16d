"""What Slack's side of a socket can do to a client, each by its name: from a goodbye to a frame that is none."""

from collections.abc import Callable
from enum import StrEnum

import gevent
from websockets.frames import Frame, Opcode

from relay.core import json_text
from relay.simulator.line import Line
from relay.simulator.workspace import Event

RSV1 = 0x40
"""The bit of permessage-deflate (RFC 7692)."""

HUGE_BYTES = 5 * 1024 * 1024

GOODBYE: Event = {"type": "goodbye", "source": "gateway_server"}
MIGRATION: Event = {"type": "team_migration_started"}
RECONNECT_URL: Event = {"type": "reconnect_url", "url": "wss://simulated.slack.invalid/reconnect"}
UNKNOWN: Event = {"type": "something_that_nobody_documented", "x": {"y": [1, 2.5, None]}}


class Mischief(StrEnum):
    SILENCE = "silence"  # the socket stays; nothing is read, answered, or sent
    SPEAK = "speak"  # the silence ends
    DRIP = "drip"  # one frame, byte by byte, and nothing else meanwhile
    HALF_CLOSE = "half_close"  # our half of the TCP stream ends, without a close frame
    RESET = "reset"  # TCP reset
    CLOSE = "close"  # a close frame, without a goodbye
    GOODBYE = "goodbye"  # only said
    GOODBYE_AND_CLOSE = "goodbye_and_close"
    MIGRATION = "migration"  # said, then closed
    RECONNECT_URL = "reconnect_url"
    NOT_JSON = "not_json"
    EMPTY_OBJECT = "empty_object"
    BINARY = "binary"
    EMPTY = "empty"
    TRAILING_NUL = "trailing_nul"
    UNKNOWN_TYPE = "unknown_type"
    HUGE = "huge"  # an event of 5 MB
    FRAGMENTED = "fragmented"  # a good event in many pieces, with a ping among them
    UNAGREED_COMPRESSION = "unagreed_compression"  # a frame with the bit of an extension that nobody agreed on
    WARNING = "warning"  # Socket Mode's reasons to disconnect
    REFRESH_REQUESTED = "refresh_requested"
    LINK_DISABLED = "link_disabled"
    TOO_MANY_WEBSOCKETS = "too_many_websockets"


DISCONNECTS = frozenset(
    {Mischief.WARNING, Mischief.REFRESH_REQUESTED, Mischief.LINK_DISABLED, Mischief.TOO_MANY_WEBSOCKETS}
)
"""These are said by the Socket Mode side."""


def play(kind: Mischief, line: Line, event: Event) -> None:
    """Does it to one client, all but a drip; `event` is what a good frame would have carried."""
    simple = SAID.get(kind)
    if simple is not None:
        line.say_text(simple)
    else:
        DONE[kind](line, event)


def drip(line: Line, event: Event, *, pause_s: float) -> None:
    """Sends a frame with a pause after each byte, and nothing else meanwhile. Waits until the last."""
    line.busy = True
    try:
        for byte in _frame(event):
            line.write(bytes([byte]))
            gevent.sleep(pause_s)
            if not line.open:
                return
    finally:
        line.busy = False


def _fragment(line: Line, event: Event) -> None:
    text = json_text.write(event)
    third = len(text) // 3
    frames = (
        Frame(Opcode.TEXT, text[:third], fin=False),
        Frame(Opcode.CONT, b"", fin=False),
        Frame(Opcode.PING, b"between"),
        Frame(Opcode.CONT, text[third : 2 * third], fin=False),
        Frame(Opcode.CONT, text[2 * third :], fin=True),
    )
    line.write(b"".join(frame.serialize(mask=False) for frame in frames))


def _swell(line: Line, event: Event) -> None:
    line.say({**event, "text": "x" * HUGE_BYTES})


def _compress(line: Line, event: Event) -> None:
    raw = _frame(event)
    line.write(bytes([raw[0] | RSV1]) + raw[1:])


def _frame(event: Event) -> bytes:
    return Frame(Opcode.TEXT, json_text.write(event)).serialize(mask=False)


def _say_and_close(frame: Event) -> Callable[[Line, Event], None]:
    def play(line: Line, _event: Event) -> None:
        line.say(frame)
        line.close()

    return play


SAID: dict[Mischief, str | bytes] = {
    Mischief.GOODBYE: json_text.write(GOODBYE).decode(),
    Mischief.RECONNECT_URL: json_text.write(RECONNECT_URL).decode(),
    Mischief.NOT_JSON: "<!DOCTYPE html><html>",
    Mischief.EMPTY_OBJECT: "{}",
    Mischief.BINARY: b"\x00\xff\xfe",
    Mischief.EMPTY: "",
    Mischief.TRAILING_NUL: '{"type":"reconnect_url"}\0',
    Mischief.UNKNOWN_TYPE: json_text.write(UNKNOWN).decode(),
}
DONE: dict[Mischief, Callable[[Line, Event], None]] = {
    Mischief.SILENCE: lambda line, _: line.listening.clear(),
    Mischief.SPEAK: lambda line, _: line.listening.set(),
    Mischief.HALF_CLOSE: lambda line, _: line.write(b""),
    Mischief.RESET: lambda line, _: line.reset(),
    Mischief.CLOSE: lambda line, _: line.close(),
    Mischief.GOODBYE_AND_CLOSE: _say_and_close(GOODBYE),
    Mischief.MIGRATION: _say_and_close(MIGRATION),
    Mischief.HUGE: _swell,
    Mischief.FRAGMENTED: _fragment,
    Mischief.UNAGREED_COMPRESSION: _compress,
}
