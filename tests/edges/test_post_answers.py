"""What an endpoint's answer becomes, however it is written."""

import pytest

from relay.core.outcome import EXCERPT_BYTES, Answered, Failed, Failure
from relay.deliver.post import Request
from tests.edges.endpoints import OK, Behave, Endpoint, Peer, answering, post, poster_for, saying

CLOSE = b"Connection: close\r\n\r\n"


def outcome_of(behave: Behave) -> object:
    with Endpoint(behave) as endpoint, poster_for() as poster:
        return post(poster, endpoint.url)


def answer_of(behave: Behave) -> Answered:
    outcome = outcome_of(behave)
    assert isinstance(outcome, Answered), outcome
    return outcome


def failure_of(behave: Behave) -> Failure:
    outcome = outcome_of(behave)
    assert isinstance(outcome, Failed), outcome
    assert outcome.detail
    return outcome.failure


def test_status_headers_and_body_come_back() -> None:
    answer = answer_of(answering(b"HTTP/1.1 201 Made\r\nX-Slack-No-Retry: 1\r\nContent-Length: 4\r\n\r\nmade"))

    assert answer.status == 201
    assert answer.header("x-slack-no-retry") == "1"
    assert answer.header("retry-after") is None
    assert answer.excerpt == b"made"


def test_the_endpoint_gets_the_very_bytes_and_no_surprises() -> None:
    body = bytes(range(256)) * 10
    headers = "Content-Type: application/json\r\nwebhook-signature: v1,abc v1,def\r\n"
    with Endpoint(answering()) as endpoint, poster_for() as poster:
        poster.post(Request(url=endpoint.url + "/../a?b={c}", headers=headers, body=body, timeout_s=5))
    head, _, sent = endpoint.requests[0].partition(b"\r\n\r\n")

    assert sent == body
    assert head.decode().split("\r\n") == [
        "POST /hook/../a?b={c} HTTP/1.1",
        f"Host: 127.0.0.1:{endpoint.port}",
        "Accept: */*",
        "Content-Type: application/json",
        "webhook-signature: v1,abc v1,def",
        "Content-Length: 2560",
    ]


def test_a_large_body_goes_out_without_asking_first() -> None:
    with Endpoint(answering()) as endpoint, poster_for() as poster:
        outcome = post(poster, endpoint.url, body=b"x" * 3_000_000)

    assert isinstance(outcome, Answered)
    assert endpoint.requests[0].endswith(b"x" * 3_000_000)
    assert b"Expect" not in endpoint.requests[0]


@pytest.mark.parametrize("status", [200, 204, 304, 400, 401, 404, 407, 410, 413, 417, 429, 500, 503, 599, 999])
def test_every_status_is_an_answer(status: int) -> None:
    assert answer_of(answering(f"HTTP/1.1 {status} Word\r\nContent-Length: 0\r\n\r\n".encode())).status == status


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_not_followed(status: int) -> None:
    redirect = f"HTTP/1.1 {status} Elsewhere\r\nLocation: /hook\r\nContent-Length: 0\r\n\r\n"
    with Endpoint(answering(redirect.encode())) as endpoint, poster_for() as poster:
        answer = post(poster, endpoint.url)

    assert isinstance(answer, Answered)
    assert (answer.status, answer.header("location")) == (status, "/hook")
    assert len(endpoint.requests) == 1


def test_a_long_body_is_cut_to_its_excerpt_and_still_an_answer() -> None:
    answer = answer_of(answering(b"HTTP/1.1 500 Oops\r\nContent-Length: 20000\r\n\r\n" + b"y" * 20000))

    assert answer.status == 500
    assert answer.excerpt == b"y" * EXCERPT_BYTES


def test_interim_answers_are_not_the_answer() -> None:
    answer = answer_of(answering(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK))

    assert (answer.status, answer.headers) == (200, (("content-length", "2"),))


def test_trailers_are_not_headers() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nRetry-After: 9\r\n\r\n"
    answer = answer_of(answering(chunked))

    assert (answer.excerpt, answer.header("retry-after")) == (b"abc", None)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n" + CLOSE + b"ok",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
        OK + b"HTTP/1.1 500 Fake\r\nContent-Length: 4\r\n\r\nfake",
    ],
    ids=["HTTP/1.0", "until the end", "LF alone", "claims gzip", "and one too many"],
)
def test_odd_answers_that_can_be_read_are_read(answer: bytes) -> None:
    read = answer_of(saying(answer))

    assert (read.status, read.excerpt) == (200, b"ok")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 2",
        b"HTTP/1.1 200 OK\r\nX: y",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: weird\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nA: b\x00c\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 000 OK\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 1000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"<html>hello</html>",
        b"\x00\x01\x02\xff" * 1000,
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_what_is_no_whole_answer_is_a_reset(answer: bytes) -> None:
    assert failure_of(saying(answer)) is Failure.RESET


def reset(peer: Peer) -> None:
    peer.request()
    peer.reset()


def reset_in_the_middle(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
    peer.reset()


def reset_unread(peer: Peer) -> None:
    peer.reset()


@pytest.mark.parametrize("behave", [reset, reset_in_the_middle, reset_unread])
def test_a_torn_connection_is_a_reset(behave: Behave) -> None:
    assert failure_of(behave) is Failure.RESET


def test_nobody_listening_is_a_failure_to_connect() -> None:
    with Endpoint(answering()) as endpoint:
        url = endpoint.url
    with poster_for() as poster:
        outcome = post(poster, url)

    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.CONNECT


def test_the_stages_of_an_answer_are_timed() -> None:
    with Endpoint(answering()) as endpoint, poster_for() as poster:
        first, second = (post(poster, endpoint.url) for _ in range(2))

    assert isinstance(first, Answered)
    assert isinstance(second, Answered)
    assert 0 < first.timing.connect_s < first.timing.first_byte_s <= first.timing.total_s < 5
    assert (first.timing.dns_s, first.timing.tls_s) == (0, 0)
    assert second.timing.connect_s == 0  # the connection stood already
