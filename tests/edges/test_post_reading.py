"""An answer reads the same however its bytes are cut, and no bytes are too odd."""

import contextlib
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from relay.core.outcome import EXCERPT_BYTES, Failure
from relay.deliver.answer import BODY_BYTES, HEAD_BYTES, HEADERS, Answer, Broken
from relay.deliver.familiar import ANSWERS as KNOWN, SHORT_BYTES, Familiar

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
    return answer.status, answer.heard.headers, answer.heard.excerpt, answer.whole, answer.keeps


@given(st.sampled_from(ANSWERS), st.lists(st.integers(0, 200), max_size=8))
def test_an_answer_reads_the_same_however_it_is_cut(answer: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(answer), *(cut % len(answer) for cut in cuts)})
    pieces = [answer[start:end] for start, end in pairwise(places)]

    assert read(*pieces) == read(answer)
    assert read(answer)[3]


HEADS = st.lists(
    st.sampled_from(
        [
            b"Content-Length: 2\r\n",
            b"content-length: 0\r\n",
            b"Content-Length: 2, 2\r\n",
            b"Content-Length : 2\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Connection: close\r\n",
            b"Connection: Upgrade\r\nUpgrade: x\r\n",
            b"X-A: \xe9\r\n",
            b"X-Folded: a\r\n b\r\n",
            b"no header\r\n",
        ]
    ),
    max_size=4,
).map(b"".join)
LINES = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.0 200", b"HTTP/1.1 204 No", b"HTTP/1.1 100 Go", b"HTTP/1.1 101 Up", b"HTTP/9 2"]
)
BODIES = st.sampled_from([b"", b"ok", b"okay", b"0\r\n\r\n", b"2\r\nok\r\n0\r\n\r\n", ANSWERS[0], b"\0\0"])


@given(LINES, HEADS, st.lists(BODIES, min_size=2, max_size=4))
def test_what_is_known_by_heart_is_what_the_parser_would_hear(line: bytes, head: bytes, bodies: list[bytes]) -> None:
    familiar = Familiar()
    for body in bodies:
        said = line + b"\r\n" + head + b"\r\n" + body
        answer = Answer()
        with contextlib.suppress(Broken):
            answer.feed(said)
        known = familiar.recall(said)
        if known is not None:
            assert answer.whole
            assert known == answer.heard
        if answer.whole:
            familiar.learn(said, answer)


def test_the_usual_answer_is_known_by_heart_once_it_was_heard() -> None:
    familiar, answer = Familiar(), Answer()
    assert familiar.recall(ANSWERS[0]) is None

    answer.feed(ANSWERS[0])
    familiar.learn(ANSWERS[0], answer)

    assert familiar.recall(bytes(bytearray(ANSWERS[0]))) == answer.heard
    assert familiar.recall(ANSWERS[0][:-2] + b"no") is None
    assert familiar.recall(ANSWERS[0][:-1]) is None
    assert familiar.recall(ANSWERS[0] + b"!") is None


def test_what_is_long_is_not_learned_and_what_was_learned_is_not_kept_for_ever() -> None:
    familiar, answer = Familiar(), Answer()
    long = b"HTTP/1.1 200 OK\r\nX: " + b"x" * SHORT_BYTES + b"\r\nContent-Length: 0\r\n\r\n"
    for said in (
        long,
        ANSWERS[0],
        *(b"HTTP/1.1 200 OK\r\nX: %d\r\nContent-Length: 0\r\n\r\n" % n for n in range(KNOWN)),
    ):
        answer.begin()
        answer.feed(said)
        familiar.learn(said, answer)

    assert familiar.recall(long) is None
    assert familiar.recall(ANSWERS[0]) is None
    assert familiar.recall(said) == answer.heard


def test_one_reader_reads_one_answer_after_another() -> None:
    answer = Answer()
    for said in ANSWERS[:4] * 2:
        answer.begin()
        answer.feed(said)

        assert (answer.status, answer.heard.headers, answer.heard.excerpt, answer.whole, answer.keeps) == read(said)
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
    assert (answer.whole, answer.keeps, answer.heard.excerpt) == (True, False, b"abc")

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
