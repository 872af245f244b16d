"""What no line of ours does, and where the few exceptions live; what ruff can see is ruff's to say."""

import ast
from collections import deque
from collections.abc import Iterator

from tests.house.rooms import Function, Module, modules, nothing

SPAWNS = {
    "relay/loops.py": "the one helper: it links a report to each",
    "relay/deliver/pump.py": "libcurl's own loop; each call in it is guarded, and the hub tells",
    "relay/deliver/resolve.py": "threads for getaddrinfo, each with a link to who asked",
    "relay/http/outbox.py": "a writer for each socket, below the loops; its end is the socket's end",
}


CLOCKS = ("time", "monotonic", "perf_counter")


def caught(module: Module) -> Iterator[tuple[ast.ExceptHandler, list[str]]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            yield node, [ast.unparse(kind) if kind else "" for kind in kinds]


def tells(clause: ast.ExceptHandler) -> bool:
    """It raises again, or says it to the report or to gevent's hub."""
    said = ast.unparse(clause)
    return isinstance(clause.body[-1], ast.Raise) or "report" in said or "handle_error" in said


def test_what_catches_everything_reports_it_or_raises_it_again() -> None:
    nothing(
        module.place(node, f"except {kinds}")
        for module in modules("relay")
        for node, kinds in caught(module)
        if {"Exception", "BaseException"} & set(kinds) and not tells(node)
    )


def test_greenlets_start_in_one_place() -> None:
    starts = {"spawn", "spawn_raw", "spawn_later", "apply_async", "map_async", "imap_unordered", "start_new_thread"}
    nothing(
        module.place(call, name)
        for module in modules("relay")
        if str(module.path) not in SPAWNS
        for call, name in module.calls()
        if name in starts
    )


def test_the_core_asks_no_clock_and_rolls_no_dice() -> None:
    outside = {"now", "today", "utcnow", "uuid1", "uuid4", "urandom", "open", "print", "input", "getenv"}
    nothing(
        module.place(call, name)
        for module in modules("relay/core")
        for call, name in module.calls()
        if name in outside and not (name == "open" and isinstance(call.func, ast.Attribute))
    )


def own_lines(function: Function) -> Iterator[ast.AST]:
    """What the function does itself, without the functions in it: a server in a test may well be slow on purpose."""
    inside = deque[ast.AST](function.body)
    while inside:
        node = inside.popleft()
        yield node
        if not isinstance(node, Function):
            inside.extend(ast.iter_child_nodes(node))


def test_no_test_sleeps() -> None:
    nothing(
        module.place(node, f"{function.name} sleeps; wait for a condition instead: tests.waiting.until")
        for module in modules("tests")
        for function in module.functions()
        if function.name.startswith("test_")
        for node in own_lines(function)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("sleep")
    )


def asks_a_clock(node: ast.expr) -> bool:
    return any(
        isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] in CLOCKS for call in ast.walk(node)
    )


def is_bounded_above(compare: ast.Compare) -> bool:
    """`clock() - began < 2`, or the other way round."""
    sides = [compare.left, *compare.comparators]
    less, more = (ast.Lt, ast.LtE), (ast.Gt, ast.GtE)
    return any(
        (isinstance(op, less) and asks_a_clock(left)) or (isinstance(op, more) and asks_a_clock(right))
        for left, op, right in zip(sides, compare.ops, sides[1:], strict=False)
    )


def test_no_test_judges_how_fast() -> None:
    """A deadline ends a wait that is for nothing. "Not before" may be said: no machine is too busy for that."""
    nothing(
        module.place(compare, "a busy machine is no fault: wait with a deadline, or count (tests.core.steps)")
        for module in modules("tests")
        for asserted in module.all(ast.Assert)
        for compare in ast.walk(asserted)
        if isinstance(compare, ast.Compare) and is_bounded_above(compare)
    )


def test_no_test_mocks() -> None:
    nothing(
        module.place(node, "mock")
        for module in modules("tests")
        for node in module.all(ast.Import, ast.ImportFrom)
        if "mock" in ast.unparse(node)
    )
    nothing(
        module.place(call, name)
        for module in modules("tests")
        for call, name in module.calls()
        if name in ("setattr", "delattr", "setitem") and "patch" in ast.unparse(call.func)
    )
