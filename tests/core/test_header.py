"""Headers that may be set, and those that could change a request."""

import pytest
from hypothesis import given, strategies as st

from relay.core.header import VALUE_CHARS, Unsendable, header_lines, refuse_header


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Bearer abc.def"),
        ("X-Api-Key", "k" * VALUE_CHARS),
        ("x", "a\u0020b"),
        ("A!#$%&'*+.^_`|~9", "!~"),
    ],
)
def test_an_ordinary_header_passes(name: str, value: str) -> None:
    assert refuse_header(name, value) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X\r\nHost", "a"),
        ("X", "a\r\nHost: b"),
        ("X", "a\nb"),
        ("X", "a\rb"),
        ("X", "a\x00b"),
        ("X", "a\tb"),
        ("X", "\x7f"),
        ("X", ""),
        ("X", " "),
        ("X", " a"),
        ("X", "a "),
        ("X", "é"),
        ("X", "a" * (VALUE_CHARS + 1)),
        ("", "a"),
        ("X Y", "a"),
        ("X:", "a"),
        ("X;", "a"),
        ("Ü", "a"),
        ("X" * 129, "a"),
        ("@file", "a"),
        ("Host", "a"),
        ("content-LENGTH", "3"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("Expect", "100-continue"),
    ],
)
def test_a_header_that_could_change_the_request_is_refused(name: str, value: str) -> None:
    assert refuse_header(name, value)


@given(st.text(min_size=1), st.text(min_size=1))
def test_what_passes_is_one_line_of_visible_ascii(name: str, value: str) -> None:
    if refuse_header(name, value) is None:
        line = f"{name}: {value}"
        assert line.isascii()
        assert line.isprintable()
        assert ":" not in name


def test_a_refusal_does_not_show_the_value() -> None:
    assert "secret" not in (refuse_header("X", "secret\n") or "")


@pytest.mark.parametrize(
    "header", [("X", "a\r\nHost: evil"), ("X\r\nY", "a"), ("X", "a\nb"), ("X", "a\x00b"), ("X", "é"), ("X", "\ud800")]
)
def test_a_header_that_would_break_the_request_is_never_sent(header: tuple[str, str]) -> None:
    with pytest.raises(Unsendable):
        header_lines((("X-Fine", "fine"), header))


def test_each_header_has_its_line() -> None:
    assert header_lines((("X-One", "1"), ("X-Two", "a: b"))) == "X-One: 1\r\nX-Two: a: b\r\n"
    assert header_lines(()) == ""
