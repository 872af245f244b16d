"""Headers that may be set, and an answer's headers as they are read."""

import pytest
from hypothesis import given, strategies as st

from relay.core.header import KEPT, VALUE_CHARS, read_headers, refuse_header


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


def test_the_last_answer_s_headers_are_read() -> None:
    head = (
        b"HTTP/1.1 200 Connection established\r\nVia: proxy\r\n\r\n"
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Type:  text/plain \r\nX-\xe9: \xe9\r\nOdd\r\nTime: 10:00\r\n\r\n"
        b"X-Trailer: late\r\n\r\n"
    )

    assert read_headers(head) == (("content-type", "text/plain"), ("x-é", "é"), ("odd", ""), ("time", "10:00"))


def test_lines_may_end_in_lf_alone() -> None:
    assert read_headers(b"HTTP/1.1 200 OK\nA: b\n\nX: y\n\n") == (("a", "b"),)


def test_a_flood_of_headers_is_cut() -> None:
    assert read_headers(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 5000 + b"\r\n") == (("a", "b"),) * KEPT


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nA: b\r\n"])
def test_headers_that_break_off_are_none(head: bytes) -> None:
    assert read_headers(head) is None


@given(st.binary())
def test_no_bytes_are_too_odd(head: bytes) -> None:
    read_headers(head)
    read_headers(b"HTTP/1.1 200 OK\r\n" + head)
