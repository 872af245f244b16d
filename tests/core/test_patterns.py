"""Patterns: EventBridge's language, word by word; what is refused, and what a refused event is told."""

import json
from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from relay.core.pattern_reading import PATTERN_CHARS, PATTERN_CONDITIONS, PATTERN_DEPTH, InvalidPattern, read_pattern
from relay.core.patterns import Document, explain
from relay.core.webhook import Json

EVENT: Document = {
    "team_id": "T1",
    "event": {
        "type": "message",
        "channel": "C1",
        "text": "Deploy api to production",
        "count": 3,
        "ratio": 2.5,
        "hidden": True,
        "parent": None,
        "reactions": ["tada", "rocket"],
        "nested": [["deep"], []],
        "empty": [],
        "ip": "10.1.2.3",
        "files": [{"name": "a.png", "size": 10}, {"name": "b.pdf", "size": 20}],
        "edited": {"user": "U1"},
    },
}

Pattern = dict[str, Json]


def on(field: str, *conditions: Json) -> Pattern:
    return {"event": {field: list(conditions)}}


PASSES: list[Pattern] = [
    on("channel", "C1"),
    on("channel", "C0", "C1"),
    {"team_id": ["T1"], "event": {"type": ["message"], "channel": ["C1"]}},
    on("count", 3.0),
    on("hidden", True),
    on("parent", None),
    on("text", {"prefix": "Deploy"}),
    on("text", {"prefix": {"equals-ignore-case": "dePLOY"}}),
    on("text", {"suffix": "production"}),
    on("text", {"suffix": {"equals-ignore-case": "PRODUCTION"}}),
    on("text", {"equals-ignore-case": "DEPLOY API TO PRODUCTION"}),
    on("text", {"wildcard": "Deploy * to *"}),
    on("channel", {"anything-but": "C2"}),
    on("channel", {"anything-but": ["C2", "C3"]}),
    on("count", {"anything-but": [1, 2]}),
    on("text", {"anything-but": {"prefix": "Rollback"}}),
    on("text", {"anything-but": {"prefix": ["Rollback", "Revert"]}}),
    on("text", {"anything-but": {"suffix": ["staging"]}}),
    on("text", {"anything-but": {"equals-ignore-case": ["deploy"]}}),
    on("text", {"anything-but": {"wildcard": "*staging*"}}),
    on("count", {"numeric": [">", 2, "<=", 3]}),
    on("ratio", {"numeric": ["=", 2.5]}),
    on("bot_id", {"exists": False}),
    on("channel", {"exists": True}),
    on("parent", {"exists": True}),
    on("edited", {"exists": True}),
    on("empty", {"exists": True}),
    on("bot_id", "B1", {"exists": False}),
    on("ip", {"cidr": "10.0.0.0/8"}),
    on("reactions", "rocket"),
    on("reactions", {"anything-but": "tada"}),
    on("nested", "deep"),
    {"event": {"edited": {"user": ["U1"]}}},
    {"event": {"absent": {"user": [{"exists": False}]}}},
    {"event": {"files": {"name": [{"suffix": ".pdf"}], "size": [20]}}},
    {"event": {"$or": [{"channel": ["C9"]}, {"count": [{"numeric": [">", 0]}]}]}},
    {"$or": [{"team_id": ["T9"]}, {"event": {"channel": ["C1"]}}], "team_id": ["T1"]},
]

PASSES_NOT: list[Pattern] = [
    on("channel", "C2"),
    on("channel", "c1"),
    on("count", "3"),
    on("count", True),
    on("hidden", 1),
    on("hidden", "true"),
    on("parent", "null"),
    on("bot_id", None),
    on("text", {"prefix": "deploy"}),
    on("text", {"wildcard": "Deploy"}),
    on("count", {"prefix": "3"}),
    on("channel", {"anything-but": "C1"}),
    on("bot_id", {"anything-but": "B1"}),
    on("edited", {"anything-but": "x"}),
    on("empty", {"anything-but": "x"}),
    on("text", {"anything-but": {"prefix": ["Rollback", "Dep"]}}),
    on("count", {"numeric": [">", 3]}),
    on("hidden", {"numeric": ["=", 1]}),
    on("text", {"numeric": ["=", 3]}),
    on("channel", {"exists": False}),
    on("ip", {"cidr": "192.168.0.0/16"}),
    on("ip", {"cidr": "fd00::/8"}),
    on("text", {"cidr": "10.0.0.0/8"}),
    {"event": {"channel": ["C1"], "type": ["reaction_added"]}},
    {"event": {"channel": {"id": ["C1"]}}},
    {"event": {"files": {"name": [{"suffix": ".pdf"}], "size": [10]}}},
    {"event": {"$or": [{"channel": ["C9"]}, {"count": [0]}]}},
    {"$or": [{"team_id": ["T1"]}], "team_id": ["T9"]},
]


@pytest.mark.parametrize("pattern", PASSES, ids=json.dumps)
def test_the_event_passes(pattern: Pattern) -> None:
    compiled = read_pattern(pattern)
    assert compiled.passes(EVENT)
    assert explain(compiled, EVENT) == ()


@pytest.mark.parametrize("pattern", PASSES_NOT, ids=json.dumps)
def test_the_event_does_not_pass_and_is_told_why(pattern: Pattern) -> None:
    compiled = read_pattern(pattern)
    assert not compiled.passes(EVENT)
    assert explain(compiled, EVENT)


REFUSED: list[tuple[Mapping[str, Json], str, str]] = [
    ({}, "", "must not be empty"),
    ({"event": {}}, "event", "must not be empty"),
    ({"event": "C1"}, "event", "must be a list of conditions"),
    ({"event": {"channel": "C1"}}, "event.channel", "must be a list of conditions"),
    (on("channel"), "event.channel", "must hold a condition"),
    ({"event": {"channel": [["C1"]]}}, "event.channel", "a list inside a list"),
    (on("channel", {}), "event.channel", "an object with one word"),
    (on("channel", {"prefix": "C", "suffix": "1"}), "event.channel", "an object with one word"),
    (on("channel", {"begins": "C"}), "event.channel.begins", "is not a condition"),
    (on("channel", {"prefix": ""}), "event.channel.prefix", "must be text"),
    (on("channel", {"prefix": 7}), "event.channel.prefix", "must be text"),
    (on("channel", {"prefix": {"wildcard": "x"}}), "event.channel.prefix.wildcard", "only equals-ignore-case"),
    (on("channel", {"exists": "yes"}), "event.channel.exists", "must be true or false"),
    (on("channel", {"wildcard": "a**b"}), "event.channel.wildcard", "two stars in a row"),
    (on("channel", {"anything-but": []}), "event.channel.anything-but", "must name at least one"),
    (on("channel", {"anything-but": [{"prefix": "x"}]}), "event.channel.anything-but", "must hold plain values"),
    (on("channel", {"anything-but": {"numeric": ["=", 1]}}), "event.channel.anything-but.numeric", "must be prefix"),
    (on("count", {"numeric": [">"]}), "event.count.numeric", "one or two comparisons"),
    (on("count", {"numeric": ["~", 1]}), "event.count.numeric", "one or two comparisons"),
    (on("count", {"numeric": [">", "1"]}), "event.count.numeric", "one or two comparisons"),
    (on("count", {"numeric": [">", True]}), "event.count.numeric", "one or two comparisons"),
    (on("ip", {"cidr": "10.0.0.1/8"}), "event.ip.cidr", "must be a network"),
    ({"$or": []}, "$or", "must be a list of patterns"),
    ({"$or": {"a": [1]}}, "$or", "must be a list of patterns"),
    ({"event": {"$or": [{"a": 1}]}}, "event.$or.a", "must be a list of conditions"),
    ({"event": {"text": ["x" for _ in range(PATTERN_CONDITIONS + 1)]}}, "event.text", "beyond the 512 conditions"),
    (on("text", "x" * (PATTERN_CHARS + 1)), "event", "longer than 8192 characters"),
]


@pytest.mark.parametrize(
    ("pattern", "path", "sentence"), REFUSED, ids=[f"{path} {number}" for number, (_, path, _) in enumerate(REFUSED)]
)
def test_a_bad_pattern_is_refused_with_its_place(pattern: Mapping[str, Json], path: str, sentence: str) -> None:
    with pytest.raises(InvalidPattern, match=sentence) as refused:
        read_pattern(pattern)
    assert refused.value.path == path


@pytest.mark.parametrize("alternatives", [False, True])
def test_a_pattern_has_a_deepest_level(alternatives: bool) -> None:
    pattern: Pattern = {"x": [1]}
    for _ in range(PATTERN_DEPTH):
        pattern = {"$or": [pattern]} if alternatives else {"a": pattern}
    assert not read_pattern(pattern).passes({})
    with pytest.raises(InvalidPattern, match="deeper than 16 levels"):
        read_pattern({"$or": [pattern]} if alternatives else {"a": pattern})


def test_a_reason_names_the_field_what_is_there_and_what_was_asked() -> None:
    pattern = read_pattern({"event": {"channel": ["C2", "C3"], "bot_id": [{"exists": True}]}})
    assert [(reason.field, reason.message) for reason in explain(pattern, EVENT)] == [
        ("event.channel", 'is "C1"; the filter asks for "C2" or "C3"'),
        ("event.bot_id", "is not there; the filter asks for any value"),
    ]


def test_the_reasons_of_alternatives_follow_a_line_that_introduces_them() -> None:
    pattern = read_pattern({"event": {"$or": [{"channel": ["C2"]}, {"count": [{"numeric": [">", 5]}]}]}})
    assert [(reason.field, reason.message) for reason in explain(pattern, EVENT)] == [
        ("event.$or", "none of its 2 alternatives passes"),
        ("event.channel", 'is "C1"; the filter asks for "C2"'),
        ("event.count", "is 3; the filter asks for a number > 5"),
    ]


@pytest.mark.timeout(10)
def test_the_costliest_filter_over_a_megabyte_of_lists_takes_no_time() -> None:
    texts: list[Json] = [f"word {number} " * 4 for number in range(40_000)]
    pattern = read_pattern(on("text", {"wildcard": "*a*b*c*d*e*f*g*h*i*j*k*l*m*n*"}))
    assert not pattern.passes({"event": {"text": [[[texts]]]}})


words = st.text(alphabet="ab", max_size=2)
scalar = st.none() | st.booleans() | st.integers(0, 2) | words
conditions = st.one_of(
    scalar,
    st.builds(lambda text: {"prefix": text}, words.filter(bool)),
    st.builds(lambda texts: {"anything-but": texts}, st.lists(scalar, min_size=1, max_size=2)),
    st.builds(lambda there: {"exists": there}, st.booleans()),
)
fields = st.sampled_from("abc")
patterns = st.recursive(
    st.dictionaries(fields, st.lists(conditions, min_size=1, max_size=3), min_size=1, max_size=2),
    lambda inner: (
        st.dictionaries(fields, inner, min_size=1, max_size=2)
        | st.builds(lambda each: {"$or": each}, st.lists(inner, min_size=1, max_size=2))
    ),
    max_leaves=5,
)
values = st.recursive(
    scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields, inner, max_size=3), max_leaves=8
)


@given(patterns, st.dictionaries(fields, values, max_size=3))
def test_what_does_not_pass_always_has_a_reason_and_what_passes_never(pattern: Pattern, event: Document) -> None:
    compiled = read_pattern(pattern)
    assert compiled.passes(event) is (explain(compiled, event) == ())


@given(values)
def test_any_json_is_read_or_refused_but_never_breaks(raw: Json) -> None:
    with suppress(InvalidPattern):
        read_pattern(raw if isinstance(raw, dict) else {"a": raw}).passes(EVENT)
