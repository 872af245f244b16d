"""The OpenAPI 3.1 document, from the endpoints and their models."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from relay.admin.endpoints import Endpoint, Noun
from relay.admin.intake import MEDIA
from relay.admin.limits import limits_as_markdown
from relay.admin.problems import MEDIA as PROBLEM_MEDIA, ProblemView
from relay.core.webhook import Json

TITLE = "slack-webhook-relay"

ABOUT = """\
Slack's events, sent on as signed webhooks.

Send `Authorization: Bearer <token>` with every request: the admin token, or an API key. Refusals are RFC 9457
problems with a `code` that stays the same, and for wrong fields `errors`. Lists take `limit` and `cursor`, and answer
`data` and `next_cursor`. Times are RFC 3339 in UTC. A POST with an `Idempotency-Key` is done once, however often it is
sent within a day. While Redis is away, requests are answered 503 with `Retry-After`, after three seconds at most.
"""

Object = dict[str, Json]


def document(nouns: Sequence[Noun], version: str) -> Object:
    schemas = _Schemas(nouns)
    paths: dict[str, Object] = {}
    for noun in nouns:
        for endpoint in noun.endpoints:
            paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(noun, endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": version, "description": _about(), "license": _LICENSE},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": noun.name, "description": noun.about} for noun in nouns],
        "paths": dict(paths),
        "components": {
            "schemas": schemas.definitions,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": _BEARER}},
        },
    }


def _about() -> str:
    return f"{ABOUT}\n{limits_as_markdown()}"


_LICENSE: Json = {"name": "MIT", "identifier": "MIT"}
_BEARER = "The admin token (RELAY_ADMIN_TOKEN), or an API key."


class _Schemas:
    """The models' schemas, each named once, and references to them."""

    def __init__(self, nouns: Iterable[Noun]) -> None:
        asked: dict[type[BaseModel], None] = {}
        shown: dict[type[BaseModel], None] = {ProblemView: None}
        for endpoint in (endpoint for noun in nouns for endpoint in noun.endpoints):
            asked |= dict.fromkeys(filter(None, (endpoint.body, endpoint.query)))
            shown |= dict.fromkeys(filter(None, endpoint.answers.values()))
        self._references, definitions = models_json_schema(
            [*((model, "validation") for model in asked), *((model, "serialization") for model in shown)],
            ref_template="#/components/schemas/{model}",
        )
        self.definitions: Object = definitions.get("$defs", {})

    def asked(self, model: type[BaseModel]) -> Object:
        return dict(self._references[(model, "validation")])

    def shown(self, model: type[BaseModel]) -> Object:
        return dict(self._references[(model, "serialization")])

    def parameters(self, query: type[BaseModel]) -> list[Json]:
        """A query model's fields; the model itself is no schema of the document."""
        schema = query.model_json_schema(ref_template="#/components/schemas/{model}")
        required = schema.get("required", [])
        return [_parameter(name, field, required=name in required) for name, field in schema["properties"].items()]


def _operation(noun: Noun, endpoint: Endpoint, schemas: _Schemas) -> Object:
    operation: Object = {"tags": [noun.name], "operationId": endpoint.name, "summary": endpoint.summary}
    if endpoint.description:
        operation["description"] = endpoint.description
    if not endpoint.access:
        operation["security"] = []
    parameters = [*_path_parameters(endpoint), *_header_parameters(endpoint)]
    if endpoint.query is not None:
        parameters += schemas.parameters(endpoint.query)
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body is not None:
        content: Json = {MEDIA: {"schema": schemas.asked(endpoint.body)}}
        operation["requestBody"] = {"required": endpoint.body_required, "content": content}
    operation["responses"] = _responses(endpoint, schemas)
    return operation


def _responses(endpoint: Endpoint, schemas: _Schemas) -> Object:
    responses: Object = {}
    for status, model in endpoint.answers.items():
        response: Object = {"description": HTTPStatus(status).phrase}
        if model is not None:
            response["content"] = {MEDIA: {"schema": schemas.shown(model)}}
        responses[str(status)] = response
    for status in sorted({*_common_refusals(endpoint), *endpoint.refusals}):
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM_MEDIA: {"schema": schemas.shown(ProblemView)}},
        }
    return responses


def _common_refusals(endpoint: Endpoint) -> Iterable[int]:
    yield from (400, 500, 503)
    if endpoint.access:
        yield from (401, 403, 429)
    if endpoint.body is not None:
        yield from (408, 413, 415, 422)
    if endpoint.query is not None:
        yield from (414, 422)
    if endpoint.method == "POST":
        yield from (409, 422)  # of an Idempotency-Key


def _path_parameters(endpoint: Endpoint) -> list[Json]:
    if "{id}" not in endpoint.path:
        return []
    return [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]


def _header_parameters(endpoint: Endpoint) -> list[Json]:
    headers = []
    if endpoint.method == "POST":
        headers.append(_header("Idempotency-Key", "text of your own, up to 255 characters: the request is done once"))
    if 412 in endpoint.refusals:
        headers.append(_header("If-Match", "an ETag: refuse with 412 if the record has changed since"))
    if 304 in endpoint.answers:
        headers.append(_header("If-None-Match", "an ETag: answer 304 if nothing has changed since"))
    return headers


def _header(name: str, description: str) -> Json:
    schema: Object = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"}
    return {"name": name, "in": "header", "description": description, "schema": schema}


def _parameter(name: str, field: Object, *, required: bool) -> Json:
    schema = {word: value for word, value in field.items() if word not in {"description", "title"}}
    parameter: Object = {"name": name, "in": "query", "required": required, "schema": schema}
    if "description" in field:
        parameter["description"] = field["description"]
    return parameter
