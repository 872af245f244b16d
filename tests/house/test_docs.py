"""The docs say what the program does: what lags behind fails here, and `make docs` draws it anew."""

import re

import pytest

from relay.settings import CLIENT_VARIABLES, variables
from relay.store.client import SHARED
from tests.house.drawings import DRAWINGS, drawings_in, drawn, openapi
from tests.house.rooms import ROOT, nothing, tracked


@pytest.mark.parametrize("page", DRAWINGS)
def test_what_is_drawn_from_the_program_is_as_the_program_is(page: str) -> None:
    text = (ROOT / page).read_text()
    assert drawings_in(text) == list(DRAWINGS[page])
    assert drawn(page, text) == text, "run `make docs`"


def test_the_openapi_document_in_the_docs_is_the_one_that_relay_prints() -> None:
    if (document := openapi()) is not None:
        assert (ROOT / "docs/openapi.json").read_text() == document, "run `make docs`"


def test_every_setting_is_documented_and_none_that_does_not_exist() -> None:
    page = (ROOT / "docs/settings.md").read_text()
    documented = {
        name for row in re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert documented == {*variables(), *CLIENT_VARIABLES}


def test_every_script_is_headed_by_what_it_does_and_what_it_is_given() -> None:
    for script in sorted((ROOT / "relay/store/scripts").glob("*.lua")):
        head = "".join(line for line in script.read_text().splitlines(keepends=True) if line.startswith("--"))
        if script.stem in SHARED:
            continue
        assert head.startswith(f"-- {script.stem}: "), script.name
        assert "ARGV" in head, f"{script.name} does not say what it is given"
        assert "Answers with" in head, f"{script.name} does not say what it answers"


def test_every_script_names_each_key_that_it_touches() -> None:
    def unnamed(script: str) -> set[str]:
        lines = (ROOT / "relay/store/scripts" / script).read_text().splitlines()
        head = set(re.findall(r"\w+", " ".join(line for line in lines if line.startswith("--"))))
        return set(re.findall(r"\bkey\.(\w+)", " ".join(line for line in lines if not line.startswith("--")))) - head

    scripts = [path.name for path in tracked() if path.suffix == ".lua" and path.stem not in SHARED]
    nothing(f"relay/store/scripts/{name}: {sorted(left)}" for name in scripts if (left := unnamed(name)))


def test_every_link_between_pages_leads_somewhere() -> None:
    def dead(page: str, text: str) -> list[str]:
        targets = re.findall(r"\]\((?![a-z]+:|#)([^)#\s]+)", text)
        return [f"{page}: {target}" for target in targets if not (ROOT / page).parent.joinpath(target).exists()]

    pages = [path for path in tracked() if path.suffix == ".md"]
    nothing(finding for page in pages for finding in dead(str(page), (ROOT / page).read_text()))


def test_every_module_and_every_test_that_a_page_names_is_there() -> None:
    def missing(page: str, text: str) -> list[str]:
        named = set(re.findall(r"`((?:relay|tests|benchmarks)/[\w/]+\.(?:py|lua))(?:::(test_\w+))?`", text))
        return [f"{page}: {file} {test}" for file, test in sorted(named) if not _holds(file, test)]

    pages = [path for path in tracked() if path.suffix == ".md"]
    nothing(finding for page in pages for finding in missing(str(page), (ROOT / page).read_text()))


def _holds(file: str, test: str) -> bool:
    return (ROOT / file).is_file() and (not test or f"def {test}(" in (ROOT / file).read_text())
