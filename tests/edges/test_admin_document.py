"""The document and its page: complete, true to the routes, and without anything from elsewhere."""

import re
from collections.abc import Iterator

import pytest
from jsonschema import Draft202012Validator

from relay.admin.endpoints import Endpoint
from relay.admin.nouns import NOUNS
from relay.core.webhook import Json
from tests.edges.desk import Desk, open_desk

ENDPOINTS = [endpoint for noun in NOUNS for endpoint in noun.endpoints]


@pytest.fixture
def desk(redis_url: str) -> Iterator[Desk]:
    with open_desk(redis_url) as desk:
        yield desk


def parts(value: Json, *path: str) -> Iterator[tuple[tuple[str, ...], dict[str, Json]]]:
    """Every object inside, and where."""
    if isinstance(value, dict):
        yield path, value
        for name, inner in value.items():
            yield from parts(inner, *path, name)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from parts(inner, *path, str(number))


def test_every_reference_leads_somewhere_and_every_schema_is_one(desk: Desk) -> None:
    document = desk.ask("GET", "/openapi.json", token=None).body
    components = document["components"]
    assert isinstance(components, dict)
    schemas = components["schemas"]
    assert isinstance(schemas, dict)
    for path, part in parts(document):
        if "$ref" in part:
            assert str(part["$ref"]).removeprefix("#/components/schemas/") in schemas, path
    for name, schema in schemas.items():
        assert isinstance(schema, dict)
        Draft202012Validator.check_schema(schema)
        assert re.fullmatch(r"[A-Za-z]+", name), name


def test_every_example_is_one_of_what_it_shows(desk: Desk) -> None:
    document = desk.ask("GET", "/openapi.json", token=None).body
    for path, part in parts(document):
        for example in part.get("examples", []) if path[-1:] != ("properties",) else []:  # type: ignore[union-attr]
            whole: Json = {**part, "components": document["components"]}
            assert isinstance(whole, dict)
            Draft202012Validator(whole).validate(example)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=[endpoint.name for endpoint in ENDPOINTS])
def test_every_endpoint_says_what_it_does_and_what_it_answers(endpoint: Endpoint) -> None:
    assert endpoint.summary.endswith(".")
    assert endpoint.answers
    if "{id}" in endpoint.path and endpoint.path.startswith("/v1"):
        assert 404 in endpoint.refusals


def test_operations_have_names_of_their_own() -> None:
    assert len({endpoint.name for endpoint in ENDPOINTS}) == len(ENDPOINTS)


def test_the_page_shows_every_operation_and_loads_nothing_but_its_style(desk: Desk) -> None:
    said = desk.ask("GET", "/docs", token=None)
    page = said.raw.decode()
    assert said.status == 200
    assert "default-src 'none'" in said.headers["content-security-policy"]
    for endpoint in ENDPOINTS:
        assert f'id="{endpoint.name}"' in page
    assert "<script" not in page
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert set(loaded) == {"/docs/static/docs.css", "/openapi.json"}
    style = desk.ask("GET", "/docs/static/docs.css", token=None)
    assert (style.status, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert b"url(" not in style.raw
    assert b"@import" not in style.raw
