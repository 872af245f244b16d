"""The document as a person reads it: chapters of operations, each with its fields in a row and an example to try."""

import json
from collections.abc import Iterator, Sequence
from typing import cast

from msgspec import Struct

from relay.admin.openapi import Object
from relay.core.webhook import Json


class Field(Struct, frozen=True, kw_only=True):
    """A parameter, or a field of a body; `depth` says how far inside another it is."""

    name: str
    type: str
    required: bool
    about: str
    depth: int = 0


class Reply(Struct, frozen=True, kw_only=True):
    status: str
    about: str
    fields: Sequence[Field]
    problem: bool


class Operation(Struct, frozen=True, kw_only=True):
    id: str
    method: str
    path: str
    summary: str
    about: str
    open: bool  # needs no token
    parameters: Sequence[Field]
    body: Sequence[Field]
    replies: Sequence[Reply]
    curl: str


class Chapter(Struct, frozen=True, kw_only=True):
    name: str
    about: str
    operations: Sequence[Operation]


def chapters(document: Object) -> list[Chapter]:
    book = _Book(document)
    paths = cast(dict[str, dict[str, Object]], document["paths"])
    operations = [
        (_texts(operation["tags"])[0], book.operation(method, path, operation))
        for path, methods in paths.items()
        for method, operation in methods.items()
    ]
    return [
        Chapter(
            name=str(tag["name"]),
            about=str(tag["description"]),
            operations=[operation for name, operation in operations if name == tag["name"]],
        )
        for tag in _objects(document["tags"])
    ]


class _Book:
    def __init__(self, document: Object) -> None:
        self._schemas = cast(dict[str, Object], cast(Object, document["components"])["schemas"])

    def operation(self, method: str, path: str, operation: Object) -> Operation:
        body = self._content(operation.get("requestBody"))
        return Operation(
            id=str(operation["operationId"]),
            method=method.upper(),
            path=path,
            summary=str(operation["summary"]),
            about=str(operation.get("description", "")),
            open=operation.get("security") == [],
            parameters=[self._parameter(each) for each in _objects(operation.get("parameters"))],
            body=list(self._fields(body)) if body else [],
            replies=[
                self._reply(status, reply) for status, reply in cast(dict[str, Object], operation["responses"]).items()
            ],
            curl=_curl(method.upper(), path, self._example(body) if body else None),
        )

    def _reply(self, status: str, reply: Object) -> Reply:
        problem = "application/problem+json" in cast(Object, reply.get("content", {}))
        schema = self._content(reply)
        fields = [] if problem or schema is None else list(self._fields(schema))
        return Reply(status=status, about=str(reply["description"]), fields=fields, problem=problem)

    def _parameter(self, parameter: Object) -> Field:
        place = {"query": "", "path": " in the path", "header": " header"}[str(parameter["in"])]
        return Field(
            name=str(parameter["name"]),
            type=self._type(cast(Object, parameter["schema"])) + place,
            required=bool(parameter.get("required")),
            about=str(parameter.get("description", "")),
        )

    def _fields(self, schema: Object, depth: int = 0) -> Iterator[Field]:
        """The fields of an object, those of objects within it behind their parent."""
        schema = self._resolved(schema)
        required = _texts(schema.get("required"))
        for name, described in cast(dict[str, Object], schema.get("properties", {})).items():
            yield Field(
                name=name,
                type=self._type(described),
                required=name in required,
                about=self._about(described),
                depth=depth,
            )
            inner = self._inner(described)
            if inner is not None:
                yield from self._fields(inner, depth + 1)

    def _inner(self, schema: Object) -> Object | None:
        """The object inside a field, through lists and alternatives."""
        for resolved in self._alternatives(schema):
            if "properties" in resolved:
                return resolved
            if isinstance(resolved.get("items"), dict):
                return self._inner(cast(Object, resolved["items"]))
        return None

    def _alternatives(self, schema: Object) -> list[Object]:
        """The schema itself, and what it may be instead."""
        return [self._resolved(each) for each in [schema, *_objects(schema.get("anyOf"))]]

    def _type(self, schema: Object) -> str:
        schema = self._resolved(schema)
        if "enum" in schema:
            return " | ".join(map(json.dumps, cast(list[Json], schema["enum"])))
        if "const" in schema:
            return json.dumps(schema["const"])
        if "anyOf" in schema:
            return " or ".join(self._type(each) for each in _objects(schema["anyOf"]))
        kind = str(schema.get("type", "any"))
        if kind == "array":
            inner = schema.get("items")
            return f"list of {self._type(inner)}" if isinstance(inner, dict) else "list"
        return str(schema.get("format", kind)) + _bounds(schema)

    def _about(self, schema: Object) -> str:
        told = next((str(each["description"]) for each in self._alternatives(schema) if "description" in each), "")
        if schema.get("default") not in (None, "", [], {}):
            told = f"{told}{'; ' if told else ''}default {json.dumps(schema['default'], ensure_ascii=False)}"
        return told

    def _example(self, schema: Object) -> Json:
        """A body: what must be there, and what has an example."""
        schema = self._resolved(schema)
        required = _texts(schema.get("required"))
        example: Object = {}
        for name, described in cast(dict[str, Object], schema.get("properties", {})).items():
            if name in required:
                example[name] = self._sample(described)
        return example

    def _sample(self, schema: Object) -> Json:
        schema = self._resolved(schema)
        if schema.get("examples"):
            return cast(list[Json], schema["examples"])[0]
        if "enum" in schema:
            return cast(list[Json], schema["enum"])[0]
        if "anyOf" in schema:
            return self._sample(_objects(schema["anyOf"])[0])
        return _SAMPLES[str(schema["type"])]

    def _content(self, holder: Json) -> Object | None:
        content = holder.get("content") if isinstance(holder, dict) else None
        for described in cast(dict[str, Object], content or {}).values():
            return cast(Object, described["schema"])
        return None

    def _resolved(self, schema: Object) -> Object:
        reference = schema.get("$ref")
        return self._schemas[str(reference).rpartition("/")[2]] if reference else schema


_SAMPLES: Object = {"string": "…", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}


def _bounds(schema: Object) -> str:
    words = {
        "minimum": "at least {}",
        "exclusiveMinimum": "more than {}",
        "maximum": "at most {}",
        "maxLength": "at most {} characters",
    }
    told = [words[word].format(f"{schema[word]:g}") for word in words if word in schema]
    return f" ({', '.join(told)})" if told else ""


def _curl(method: str, path: str, body: Json) -> str:
    lines = [f"curl -X {method} $RELAY_URL{path}"] if method != "GET" else [f"curl $RELAY_URL{path}"]
    if path.startswith("/v1"):
        lines.append('-H "Authorization: Bearer $RELAY_ADMIN_TOKEN"')
    if body is not None:
        lines += ['-H "Content-Type: application/json"', f"-d '{json.dumps(body, ensure_ascii=False)}'"]
    return " \\\n  ".join(lines)


def _objects(value: Json) -> list[Object]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _texts(value: Json) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
