"""The document: `/openapi.json`, for everybody who wants to know how the API works."""

import json
from collections.abc import Sequence

from flask import Blueprint, Response

from relay.admin.endpoints import Noun
from relay.admin.openapi import document


def reference(nouns: Sequence[Noun], version: str) -> Blueprint:
    """Nobody needs a token to read how the API works."""
    blueprint = Blueprint("reference", __name__)
    text = json.dumps(document(nouns, version), indent=1)

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        return Response(text, content_type="application/json")

    return blueprint
