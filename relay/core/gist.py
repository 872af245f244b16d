"""What an event is about: in one line, as a list shows it beside its type; and whether it says what somebody seeks."""

from collections.abc import Iterator

from relay.core.envelope import Envelope
from relay.core.reading import read_document
from relay.core.webhook import Json

GIST_CHARS = 160
READ_BYTES = 256 * 1024
"""A larger body is not read for a list."""

_TELLING = (("reaction", ":{}:"), ("command", "{}"), ("name", "{}"), ("error", "{}"), ("presence", "{}"))


def gist(envelope: Envelope) -> str | None:
    """None where there is nothing to say, or it would take too long to find out."""
    event = _event(envelope)
    inner = event.get("message")
    for place in (event, inner if isinstance(inner, dict) else {}):
        text = place.get("text")
        if isinstance(text, str) and text.strip():
            return " ".join(text[: 2 * GIST_CHARS].split())[:GIST_CHARS]
    for name, shape in _TELLING:
        word = event.get(name)
        if isinstance(word, str) and word:
            return shape.format(word)[:GIST_CHARS]
    return None


def says(envelope: Envelope, text: str) -> bool:
    """Whether `text` stands in any word of the event, in capitals or not."""
    wanted = text.casefold()
    return any(wanted in word.casefold() for word in _words(_event(envelope)))


def _event(envelope: Envelope) -> dict[str, Json]:
    if len(envelope.body) > READ_BYTES:
        return {}
    document = read_document(envelope)
    event = document.get("event", document)
    return event if isinstance(event, dict) else {}


def _words(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from _words(each)
        case list():
            for each in value:
                yield from _words(each)
