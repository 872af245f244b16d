"""An answer reads the same however its bytes are cut, and no bytes are too odd."""

import contextlib
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from relay.core.outcome import EXCERPT_BYTES, Failure
from relay.deliver.answer import BODY_BYTES, HEAD_BYTES, HEADERS, Answer, Broken

ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: \xe9\r\n\r\nok",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-Trailer: z\r\n\r\n",
    b"HTTP/1.1 500 Oops\r\nContent-Length: 5000\r\nConnection: close\r\n\r\n" + b"y" * 5000,
    b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
]

Read = tuple[int, tuple[tuple[str, str], ...], bytes, bool, bool]


def read(*pieces: bytes) -> Read:
    answer = Answer()
    for piece in pieces:
        answer.feed(piece)
    return answer.status, answer.headers, answer.excerpt, answer.whole, answer.keeps


@given(st.sampled_from(ANSWERS), st.lists(st.integers(0, 200), max_size=8))
def test_an_answer_reads_the_same_however_it_is_cut(answer: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(answer), *(cut % len(answer) for cut in cuts)})
    pieces = [answer[start:end] for start, end in pairwise(places)]

    assert read(*pieces) == read(answer)
    assert read(answer)[3]


def test_one_reader_reads_one_answer_after_another() -> None:
    answer = Answer()
    for said in ANSWERS[:4] * 2:
        answer.begin()
        answer.feed(said)

        assert (answer.status, answer.headers, answer.excerpt, answer.whole, answer.keeps) == read(said)
        assert answer.keeps


def test_whoever_says_more_than_was_asked_is_not_asked_again() -> None:
    more = ANSWERS[0] + ANSWERS[1]
    status, _, excerpt, whole, keeps = read(more)

    assert (status, excerpt, whole, keeps) == (200, b"ok", True, False)
    assert not read(ANSWERS[0] + b"\x00junk")[4]


@pytest.mark.parametrize("said", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\n"])
def test_a_head_without_end_is_too_large(said: bytes) -> None:
    with pytest.raises(Broken) as broken:
        read(said, *[b"X-Flood: 0123456789\r\n"] * HEAD_BYTES)

    assert broken.value.failure is Failure.TOO_LARGE


def test_of_many_headers_the_first_are_kept() -> None:
    assert len(read(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000 + b"Content-Length: 0\r\n\r\n")[1]) == HEADERS


def test_a_long_body_is_enough_when_its_excerpt_is_full_and_too_long_when_nobody_should_listen_any_more() -> None:
    answer = Answer()
    seen: list[tuple[bool, bool, bool]] = []
    for said in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n",
        b"x" * EXCERPT_BYTES,
        b"x" * (BODY_BYTES + 1),
    ):
        answer.feed(said)
        seen.append((answer.enough, answer.too_long, answer.whole))

    assert seen == [(False, False, False), (True, False, False), (True, True, False)]


def test_a_body_may_end_with_its_connection_unless_it_said_otherwise() -> None:
    answer = Answer()
    answer.feed(b"HTTP/1.1 200 OK\r\n\r\nabc")
    answer.end()
    assert (answer.whole, answer.keeps, answer.excerpt) == (True, False, b"abc")

    for sizing in (b"Content-Length: 4", b"Transfer-Encoding: chunked", b"transfer-encoding: weird"):
        cut_short = Answer()
        cut_short.feed(b"HTTP/1.1 200 OK\r\n" + sizing + b"\r\n\r\n")
        with pytest.raises(Broken, match="amid the answer"):
            cut_short.end()


@given(st.lists(st.binary(max_size=300), max_size=5), st.booleans())
def test_no_bytes_are_too_odd(pieces: list[bytes], starts_well: bool) -> None:
    answer = Answer()
    with contextlib.suppress(Broken):
        if starts_well:
            answer.feed(b"HTTP/1.1 200 OK\r\n")
        for piece in pieces:
            answer.feed(piece)
        answer.end()
        assert answer.whole
        assert 100 <= answer.status <= 999
