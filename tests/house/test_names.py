"""One word for a thing, and none of the words that name nothing (docs/contributing.md, "Names")."""

import ast
from collections.abc import Iterator

import pytest

from tests.house.rooms import Module, modules, nothing, words

EMPTY = frozenset({"job", "task", "item", "data", "info", "manager", "handler", "helper", "util", "base"})
GIVEN = {
    "data_dir": "RELAY_DATA_DIR, the contract's",
    "data": "a page of a list, the contract's; a field, never a name of our own",
    "exc_info": "PEP 3333's",
    "items": "the tests, in pytest's hook",
}
PLURALS = {f"{word}s": word for word in EMPTY}


def names(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """What a module names: itself, its classes and functions, their parameters, the fields of its records.

    Not a test's own name: that is a sentence.
    """
    yield module.tree, "" if module.path.stem.startswith("test_") else module.path.stem
    for node in module.all(ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.arg, ast.AnnAssign):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node, "" if name.startswith("test_") else name
            case ast.arg(arg=name) | ast.AnnAssign(target=ast.Name(id=name)):
                yield node, name


def is_empty(node: ast.AST, name: str) -> bool:
    if name in GIVEN and isinstance(node, ast.AnnAssign if name == "data" else ast.AnnAssign | ast.arg):
        return False
    return bool(EMPTY & {PLURALS.get(word, word) for word in words(name)})


def test_no_name_is_empty() -> None:
    nothing(
        module.place(node, name)
        for module in modules("relay", "tests", "benchmarks")
        for node, name in names(module)
        if is_empty(node, name)
    )


def test_each_module_says_first_what_it_is_for() -> None:
    nothing(
        str(module.path)
        for module in modules("relay", "tests", "benchmarks")
        if module.text and not ast.get_docstring(module.tree)
    )


@pytest.mark.parametrize(
    ("name", "said"), [("RTMClient", ["rtm", "client"]), ("wait_s", ["wait", "s"]), ("base64", ["base64"])]
)
def test_a_name_falls_into_words(name: str, said: list[str]) -> None:
    assert words(name) == said
