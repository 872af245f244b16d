"""The document, `/openapi.json`, and the page that is made from it, `/docs`: no script, nothing from elsewhere."""

import json
from collections.abc import Sequence
from functools import cache

from flask import Blueprint, Response, render_template

from relay.admin.chapters import Chapter, chapters
from relay.admin.endpoints import Noun
from relay.admin.limits import LIMITS
from relay.admin.openapi import ABOUT, TITLE, Object, document

POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""What the page may load: its own style."""


def reference(nouns: Sequence[Noun], version: str) -> Blueprint:
    """Nobody needs a token to read how the API works. The document is made for the first who reads it: a start has no
    tenth of a second for that.
    """
    blueprint = Blueprint(
        "reference", __name__, template_folder="templates", static_folder="static/docs", static_url_path="/docs/static"
    )

    @cache
    def described() -> Object:
        return document(nouns, version)

    @cache
    def text() -> str:
        return json.dumps(described(), indent=1)

    @cache
    def read() -> list[Chapter]:
        return chapters(described())

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        return Response(text(), content_type="application/json")

    @blueprint.get("/docs")
    def docs() -> Response:
        page = render_template("docs.html", title=TITLE, version=version, about=ABOUT, limits=LIMITS, chapters=read())
        headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
        return Response(page, headers=headers, content_type="text/html; charset=utf-8")

    return blueprint
