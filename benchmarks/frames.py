"""The events of the load: the same number makes the same message, of the size and the shape that Slack sends.

A frame carries two numbers that no Slack event has: which one it is, so that a receiver finds what is missing or
doubled, and when it was sent by the machine's steady clock, which all processes share (clock_gettime(2)).
"""

import json

from relay.core.webhook import Json

CHANNELS = 10
"""Messages go round in so many channels: the last digit of their number."""

EPOCH = 1_700_000_000
TEAM, BOT, BOT_USER, APP = "T0BENCH", "B0BENCH", "U0BENCHBOT", "A0BENCH"

_TEXTS = (
    "Deploy 8f31c2 to production went through; 14 hosts are on the new release, the old ones are draining",
    "Can somebody look at the checkout? Two customers wrote that their cards are charged twice since noon",
    "Grüße aus Köln: der Zähler steht auf 4711, und die Straßenbahn fährt wieder 🚋",
    "I have put the notes of the weekly into the shared folder, please add what I have missed before Friday",
)
_FRAME = (
    '{"client_msg_id":"%012x-4a9e-4f6b-9c1d-2e7a55aa01f3","suppress_notification":false,"type":"message",'
    '"text":"%s","user":"U%09d","team":"T0BENCH","user_team":"T0BENCH","source_team":"T0BENCH",'
    '"blocks":[{"type":"rich_text","block_id":"b1","elements":[{"type":"rich_text_section","elements":'
    '[{"type":"text","text":"%s"}]}]}],"channel":"%s","event_ts":"%d.%06d","ts":"%d.%06d",'
    '"number":%d,"sent_ns":%d}'
)


def channel(number: int) -> str:
    return f"C{number % CHANNELS:09d}"


def frame(number: int, sent_ns: int = 0) -> bytes:
    """One message, as RTM sends it: about 600 bytes."""
    text = _TEXTS[number % len(_TEXTS)]
    second, part = EPOCH + number // 1000, number % 1000
    place = channel(number)
    words = (number, text, number % 97, text, place, second, part, second, part, number, sent_ns)
    return (_FRAME % words).encode()


def event(number: int) -> dict[str, Json]:
    """The same, read."""
    return dict(json.loads(frame(number)))
