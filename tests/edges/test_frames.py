"""Cutting frames out by ourselves says what `websockets` says of the same bytes, however they come."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given, strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from relay.slack.frames import HELD_BYTES, Frames, Received

LIMIT_BYTES = 200_000
SIZES = [0, 1, 125, 126, 127, 300, 65_535, 65_536, 70_000]


def opened() -> ClientProtocol:
    protocol = ClientProtocol(parse_uri("ws://slack.test/"), state=OPEN, max_size=LIMIT_BYTES)
    protocol.extensions = [deflate()]
    return protocol


def deflate() -> PerMessageDeflate:
    return PerMessageDeflate(True, True, 15, 15)  # no takeover, as we ask for


def written(opcode: Opcode, payload: bytes, *, fin: bool = True, packed: bool = False) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=False, extensions=[deflate()] if packed else [])


def fragments(opcode: Opcode, parts: Sequence[bytes], between: bytes) -> bytes:
    """A message in pieces, with `between` between them."""
    last = len(parts) - 1
    return between.join(
        written(Opcode.CONT if place else opcode, part, fin=place == last) for place, part in enumerate(parts)
    )


def plain(size: int) -> bytes:
    return written(Opcode.TEXT, b"t" * size)


PAYLOADS = st.binary(max_size=12)
CONTROL = st.builds(written, st.sampled_from([Opcode.PING, Opcode.PONG]), PAYLOADS)
TEXTS = st.builds(written, st.just(Opcode.TEXT), PAYLOADS) | st.sampled_from(SIZES).map(plain)
PACKED = st.builds(lambda payload: written(Opcode.TEXT, payload, packed=True), PAYLOADS)
FRAGMENTED = st.builds(
    fragments,
    st.sampled_from([Opcode.TEXT, Opcode.BINARY]),
    st.lists(PAYLOADS, min_size=2, max_size=4),
    st.just(b"") | CONTROL,
)
SOUND = st.one_of(
    TEXTS, TEXTS, TEXTS, PACKED, CONTROL, FRAGMENTED, st.builds(written, st.just(Opcode.BINARY), PAYLOADS)
)
ODD = [
    b"\x81\x85mask12345",
    b"\x81\x7e\x00\x05short",  # a length of two bytes where one would do
    b"\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x05short",
    b"\x81\x7f" + (LIMIT_BYTES + 1).to_bytes(8) + b"x",
    b"\xc1\x03abc",
    b"\xa1\x03abc",
    b"\x01\x02ab\x81\x02cd",  # a text amid fragments
    b"\x80\x02ab",
    b"\x83\x00",
    b"\x89\x7e\x00\x7e" + b"p" * 126,
    written(Opcode.CLOSE, b"\x03\xe8bye"),
    written(Opcode.CLOSE, b"\x03"),
    b"\x01\x02ab" + written(Opcode.PING, b"") + b"\x80\x02cd",
    written(Opcode.TEXT, b"packed" * 9, packed=True),
]
BROKEN = st.one_of(
    st.binary(min_size=1, max_size=16),
    st.builds(lambda head, payload: bytes([head, len(payload)]) + payload, st.integers(0, 255), PAYLOADS),
    st.sampled_from(ODD),
)
STREAMS = st.lists(SOUND | SOUND | SOUND | BROKEN, max_size=10).map(b"".join)


def parts_of(stream: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    return (stream[start:end] for start, end in pairwise(places))


def said_by_protocol(stream: bytes) -> tuple[ClientProtocol, list[bytes], list[bytes], bool]:
    """Its texts, its pongs, and whether anything was complete."""
    protocol, texts, pongs, complete = opened(), [], [], False
    protocol.receive_data(stream)
    message: list[bytes] = []
    is_text = False
    for frame in protocol.events_received():
        assert isinstance(frame, Frame)
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            if frame.opcode is not Opcode.CONT:
                message, is_text = [], frame.opcode is Opcode.TEXT
            message.append(bytes(frame.data))
            texts += [b"".join(message)] if frame.fin and is_text else []
        elif frame.opcode is Opcode.PONG:
            pongs.append(bytes(frame.data))
        complete |= frame.fin
    return protocol, texts, pongs, complete


def ends(protocol: ClientProtocol) -> tuple[object, ...]:
    """What it came to; of what it answers, the sizes, for each frame is masked anew."""
    sizes = [len(chunk) for chunk in protocol.data_to_send()]
    return (protocol.state, protocol.close_rcvd, protocol.close_sent, str(protocol.parser_exc), sizes)


def joined(every: Sequence[Received]) -> list[object]:
    texts = [text for received in every for text in received.texts]
    pongs = [pong for received in every for pong in received.pongs]
    return [texts, pongs, any(received.any for received in every)]


def same(stream: bytes, parts: Iterable[bytes], *, to_the_end: bool = True) -> None:
    reference, *said = said_by_protocol(stream)
    protocol = opened()
    frames = Frames(protocol)
    assert joined([frames.take(part) for part in parts]) == said
    if to_the_end or reference.state is not OPEN:
        reference.receive_eof()
        frames.end()
    assert ends(protocol) == ends(reference)


@given(STREAMS, st.lists(st.integers(0, 400_000), max_size=6), st.booleans())
@example(plain(125) + plain(126) + plain(65_535) + plain(65_536) + plain(1), [1, 3, 200, 65_000], False)
def test_any_split_of_any_stream_says_the_same(stream: bytes, cuts: list[int], to_the_end: bool) -> None:
    same(stream, parts_of(stream, cuts), to_the_end=to_the_end)


@given(STREAMS)
def test_byte_by_byte_too(stream: bytes) -> None:
    stream = stream[:3000]
    same(stream, (bytes([byte]) for byte in stream))


@pytest.mark.parametrize("odd", ODD)
def test_what_is_odd_is_the_protocol_s_to_judge_and_order_is_kept(odd: bytes) -> None:
    stream = plain(3) + odd + plain(4) + plain(5)
    for cut in range(len(stream)):
        same(stream, parts_of(stream, [cut]))
        same(stream, parts_of(stream, [cut, len(plain(3))]), to_the_end=False)


def test_plain_texts_never_reach_the_protocol() -> None:
    protocol = opened()
    frames = Frames(protocol)
    stream = plain(3) + plain(300) + plain(65_535)
    assert [frames.take(part).texts for part in (stream[:4], stream[4:400], stream[400:])] == [
        [],
        [b"t" * 3, b"t" * 300],
        [b"t" * 65_535],
    ]
    protocol.receive_eof()
    assert str(protocol.parser_exc) == "unexpected end of stream"


@pytest.mark.parametrize("stream", [plain(100_000)[:90_000], plain(65_535)[:-1], b"\x81\x7e", b"\x89"])
def test_little_is_held_back(stream: bytes) -> None:
    frames = Frames(opened())
    for place in range(0, len(stream), 1000):
        assert frames.take(stream[place : place + 1000]) == Received()
        held = repr(frames).partition("held=")[2].partition(" ")[0]
        assert int(held) < HELD_BYTES
