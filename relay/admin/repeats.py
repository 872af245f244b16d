"""Repeats: a POST with an `Idempotency-Key` is done once, and each repeat is answered as the first was.

Only what succeeded is remembered: a refusal has done nothing, so the same key may try again.
"""

import json
from collections.abc import Callable
from hashlib import sha256

from flask import Response, request
from msgspec import Struct

from relay.admin.endpoints import Caller
from relay.admin.problems import Problem, conflict
from relay.store.errors import StoreAway
from relay.store.idempotency import Busy, Idempotency, Kept, Other

KEY_CHARS = 255


class Repeats(Struct, frozen=True):
    store: Idempotency

    def once(self, caller: Caller, key: str, act: Callable[[], Response]) -> Response:
        """What `act` answered to the first of these requests. Raises Problem: 400, 409 or 422; StoreAway."""
        if not 0 < len(key) <= KEY_CHARS or not key.isascii() or not key.isprintable():
            raise Problem(400, "bad_idempotency_key", f"An Idempotency-Key is 1 to {KEY_CHARS} printable characters.")
        name = _digest(caller.name, key)
        fingerprint = _digest(request.method, request.full_path, request.get_data())
        match self.store.begin(name, fingerprint):
            case Kept() as kept:
                return _read(kept.answer)
            case Busy():
                raise conflict("in_progress", "The request with this Idempotency-Key is being done just now.")
            case Other():
                raise Problem(422, "idempotency_key_reused", "This Idempotency-Key was used for another request.")
        try:
            response = act()
        except BaseException:
            self._forget(name)
            raise
        self._keep(name, fingerprint, response)
        return response

    def _keep(self, name: str, fingerprint: str, response: Response) -> None:
        try:
            self.store.keep(name, fingerprint, _written(response))
        except StoreAway:
            pass  # it is done, and the caller is to know

    def _forget(self, name: str) -> None:
        try:
            self.store.forget(name)
        except StoreAway:
            pass  # the mark ends by itself


def _written(response: Response) -> str:
    body = response.get_data(as_text=True)
    return json.dumps({"status": response.status_code, "headers": list(response.headers), "body": body})


def _read(answer: str) -> Response:
    kept = json.loads(answer)
    response = Response(kept["body"], kept["status"], headers=kept["headers"])
    response.headers["Idempotency-Replayed"] = "true"
    return response


def _digest(*parts: str | bytes) -> str:
    whole = sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        whole.update(len(raw).to_bytes(8, "big") + raw)
    return whole.hexdigest()
