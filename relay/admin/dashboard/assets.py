"""The dashboard's files: read once, served under a name that changes with them, so browsers may keep them for ever."""

import gzip
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from flask import Request, Response
from msgspec import Struct
from werkzeug.exceptions import NotFound

MEDIA = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "woff2": "font/woff2",
}
PACKED = frozenset({"woff2"})
FOR_EVER = "public, max-age=31536000, immutable"


class Asset(Struct, frozen=True):
    media: str
    plain: bytes
    zipped: bytes | None


class Assets:
    """All files of the folder `static`."""

    def __init__(self) -> None:
        self._assets = dict(_walk(files("relay.admin.dashboard") / "static", ""))

    def __repr__(self) -> str:
        return f"<Assets {self.print}, {len(self._assets)} files>"

    @cached_property
    def print(self) -> str:
        """A fingerprint of them all: modules name one another without it, so it stands for the whole folder."""
        sums = sha256()
        for name, asset in sorted(self._assets.items()):
            sums.update(name.encode() + b"\0" + asset.plain)
        return sums.hexdigest()[:12]

    @property
    def modules(self) -> list[str]:
        """The scripts, for browsers to fetch all at once."""
        return sorted(name for name in self._assets if name.endswith(".js"))

    def answer(self, name: str, request: Request) -> Response:
        """Raises NotFound."""
        asset = self._assets.get(name)
        if asset is None:
            raise NotFound
        response = Response(asset.plain, content_type=asset.media, headers={"Cache-Control": FOR_EVER})
        if asset.zipped is not None:
            response.headers["Vary"] = "Accept-Encoding"
            if request.accept_encodings.quality("gzip") > 0:
                response.set_data(asset.zipped)
                response.headers["Content-Encoding"] = "gzip"
        return response


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, Asset]]:
    found: list[tuple[str, Asset]] = []
    for entry in folder.iterdir():
        name = prefix + entry.name
        if entry.is_dir():
            found += _walk(entry, f"{name}/")
        elif (ending := name.rpartition(".")[2]) in MEDIA:
            plain = entry.read_bytes()
            zipped = None if ending in PACKED else gzip.compress(plain, mtime=0)
            found.append((name, Asset(MEDIA[ending], plain, zipped)))
    return found
