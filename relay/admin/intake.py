"""Intake: from Flask's request to the models that a view asks for, or the problem with it."""

from collections import Counter
from json import dumps, loads

from flask import Request
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from relay.admin.problems import FieldError, Problem, from_validation, invalid
from relay.core import json_text
from relay.core.json_text import NotJson
from relay.core.webhook import Json

BODY_BYTES = 256 * 1024
"""The largest request that the API reads. A webhook with every list full has about half of that."""

MEDIA = "application/json"


def read_body(request: Request, model: type[BaseModel], *, required: bool) -> BaseModel:
    """Raises Problem: 400, 415 or 422; RequestEntityTooLarge."""
    raw = request.get_data()
    if request.content_length is None and len(raw) >= BODY_BYTES:
        raise RequestEntityTooLarge  # in chunks: Flask would end it here, and say nothing
    if not raw and not required:
        return model()
    if request.mimetype != MEDIA:
        raise Problem(415, "unsupported_media_type", f"The body must be JSON, with the Content-Type {MEDIA}.")
    try:
        value = json_text.read(raw)
    except NotJson:
        raise Problem(400, "invalid_json", "The body is not JSON.") from None
    if not isinstance(value, dict):
        raise invalid(FieldError("", "the body must be a JSON object"))
    if twice := _named_twice(raw):
        raise invalid(FieldError(twice, "is given more than once"))
    if b"\\u" in raw and not _is_text(value):
        raise Problem(400, "invalid_json", "The body holds half of a surrogate pair, which no text may.")
    return _validated(model, value)


def read_query(arguments: MultiDict[str, str], model: type[BaseModel]) -> BaseModel:
    """Raises Problem (422), also for a parameter that is not known or given twice."""
    twice = [name for name, values in arguments.lists() if len(values) > 1]
    if twice:
        raise invalid(*(FieldError(name, "is given more than once") for name in twice))
    return _validated(model, arguments.to_dict())


def _named_twice(raw: bytes) -> str:
    """A field that an object of the body has twice; "" if none has. Readers differ on which of the two counts."""
    twice = ""

    def look(fields: list[tuple[str, Json]]) -> None:
        nonlocal twice
        if len(dict(fields)) < len(fields):
            ((name, _),) = Counter(name for name, _ in fields).most_common(1)
            twice = twice or name

    try:
        loads(raw, object_pairs_hook=look)
    except (ValueError, RecursionError):
        pass  # json reads a little less than json_text, which has read it
    return twice


def _is_text(value: Json) -> bool:
    try:
        dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _validated(model: type[BaseModel], value: object) -> BaseModel:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise from_validation(error) from None
