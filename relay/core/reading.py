"""Reading an envelope: the document that filters look at, parsed once and only if somebody asks."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import chain
from typing import cast
from urllib.parse import parse_qsl

from relay.core import json_text
from relay.core.envelope import Envelope, Media
from relay.core.json_text import NotJson
from relay.core.lenses import Scalar
from relay.core.patterns import Document, Path, Probe, values_at

PAYLOAD = "payload"
"""The field of an interactive form that holds all there is to know, as JSON (Slack's own HTTP requests)."""


@dataclass(slots=True)
class Reading:
    envelope: Envelope
    _document: Document | None = field(default=None, init=False)
    _values: dict[Path, tuple[Scalar, ...]] = field(default_factory=dict, init=False)
    _keys: dict[Probe, frozenset[Hashable]] = field(default_factory=dict, init=False)

    @property
    def document(self) -> Document:
        if self._document is None:
            self._document = read_document(self.envelope)
        return self._document

    def values(self, path: Path) -> tuple[Scalar, ...]:
        """Every value at `path`: see `values_at`."""
        values = self._values.get(path)
        if values is None:
            values = self._values[path] = values_at(path, self.document)
        return values

    def keys(self, probe: Probe) -> frozenset[Hashable]:
        """What is seen through `probe`, of every value at its path."""
        keys = self._keys.get(probe)
        if keys is None:
            path, lens = probe
            seen = chain.from_iterable(map(lens.keys, self.values(path)))
            keys = self._keys[probe] = frozenset(seen)
        return keys


def read_document(envelope: Envelope) -> Document:
    """The JSON object of a body; of a form its fields, or the payload if it has one. Empty if it cannot be read."""
    if envelope.media is Media.JSON:
        return _object(envelope.body)
    fields = dict(parse_qsl(envelope.body.decode("ascii", "replace"), keep_blank_values=True))
    return _object(fields[PAYLOAD].encode()) if PAYLOAD in fields else cast("Document", fields)  # str is a Json


def _object(text: bytes) -> Document:
    try:
        document = json_text.read(text)
    except NotJson:
        return {}
    return document if isinstance(document, dict) else {}
