"""Whoever reads docs/ finds every page, and every link into the middle of one."""

import re

from tests.house.rooms import ROOT, nothing, tracked

PAGES = [path for path in tracked() if path.suffix == ".md"]


def anchors(text: str) -> set[str]:
    """A page's headings, as GitHub makes names of them."""
    prose = re.sub(r"^( *)```.*?^\1```", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text()
    inside = [path.relative_to("docs") for path in PAGES if path.parts[0] == "docs"]
    nothing(
        f"docs/{path} is not in docs/README.md"
        for path in inside
        if f"({path})" not in index and str(path) != "README.md"
    )


def test_every_link_into_a_page_leads_to_a_heading() -> None:
    def dead(page: str, text: str) -> list[str]:
        places = re.findall(r"\]\((?![a-z]+:)([^)#\s]*)#([^)\s]+)\)", text)
        targets = [((ROOT / page).parent / path if path else ROOT / page, anchor) for path, anchor in places]
        return [f"{page}: {path}#{anchor}" for path, anchor in targets if anchor not in anchors(path.read_text())]

    nothing(finding for page in PAGES for finding in dead(str(page), (ROOT / page).read_text()))


def test_every_command_that_a_page_names_is_one() -> None:
    known = set(re.findall(r"^## `(relay(?: \w+)+)`", (ROOT / "docs/commands.md").read_text(), re.MULTILINE))
    groups = {" ".join(command.split()[:2]) for command in known if len(command.split()) == 3}

    def unknown(page: str, text: str) -> list[str]:
        typed = re.findall(r"(?:`|^\$ |^)(relay (?!listens on)[a-z]+(?: [a-z]+)?)", text, re.MULTILINE)
        words = [command.split() for command in typed]
        named = {" ".join(each if " ".join(each[:2]) in groups else each[:2]) for each in words}
        return [f"{page}: {command}" for command in named - known]

    texts = {path: (ROOT / path).read_text() for path in PAGES if path.name != "CHANGELOG.md"}
    nothing(finding for path, text in texts.items() for finding in unknown(str(path), text))
