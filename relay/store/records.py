"""Records as Redis keeps them: JSON with a version, so that releases can follow one another.

While an upgrade goes on, two releases run at once on one Redis. So a field is added with a default, never renamed and
never given another meaning: what a record has that its reader does not know belongs to the newer release and is left
aside, what it lacks has its default. Where that will not do, VERSION grows: this release then reads the older form too,
and an older one that meets such a record, or is started on such a Redis, says so and does nothing
(docs/decisions/upgrades.md). tests/whole/releases holds what each release has left behind.
"""

import json
from collections.abc import Mapping
from typing import TypeVar, cast

from relay.core.webhook import Json
from relay.store.errors import StoreAway

FIRST_VERSION = 1
"""Of a record that names none."""

VERSION = 1

Record = TypeVar("Record", bound=Mapping[str, Json])


class FromNewerRelease(StoreAway):
    """What is kept here can't be read, or must not be written, by this release."""

    def __init__(self, version: Json) -> None:
        super().__init__(
            f"Redis is kept by a newer release (its records are of version {version}, this one knows {VERSION}): "
            "start that one."
        )


def write_record(known: Mapping[str, object]) -> str:
    return json.dumps({"v": VERSION, **known})


def understood(record: Record, of: type) -> Record:
    """What a record that was read (json.loads) holds, as far as `of` has such fields. Raises FromNewerRelease."""
    check_version(record.get("v", FIRST_VERSION))
    names = of.__annotations__
    return cast(Record, {name: value for name, value in record.items() if name in names})  # as open as json.loads' own


def check_version(version: Json) -> None:
    """Raises FromNewerRelease."""
    if not isinstance(version, int) or version > VERSION:
        raise FromNewerRelease(version)
