"""Nothing grows until the eye stumbles (docs/contributing.md, "Size"); positions of parameters are ruff's to count."""

import ast

from tests.house.rooms import Function, modules, nothing

MODULE_LINES = 300
BODY_LINES = 40
PUBLIC_METHODS = 9


def body_lines(function: Function) -> int:
    """From the first statement after the docstring to the last, both and all between them counted."""
    body = function.body
    if len(body) > 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def test_modules_are_short() -> None:
    nothing(str(m.path) for m in modules("relay", "tests", "benchmarks") if m.text.count("\n") > MODULE_LINES)


def test_functions_are_short() -> None:
    nothing(
        module.place(function, f"{function.name} has {body_lines(function)} lines")
        for module in modules("relay", "tests", "benchmarks")
        for function in module.functions()
        if body_lines(function) > BODY_LINES
    )


def test_classes_have_few_doors() -> None:
    doors = {
        module.place(made, made.name): [f for f in made.body if isinstance(f, Function) and not f.name.startswith("_")]
        for module in modules("relay", "benchmarks")
        for made in module.classes()
    }
    nothing(f"{place} has {len(public)}" for place, public in doors.items() if len(public) > PUBLIC_METHODS)
