"""What the bytes of one WebSocket say: no I/O, bytes in, messages out.

`websockets` reads a frame through a chain of generators, which takes longer than all that becomes of the frame until
it is in the buffer. So the frames that nearly all are, a whole text in the clear, are cut out here; every other frame
goes to the protocol, whole and in its place: control frames, fragments, compressed and very long ones, and whatever
breaks the standard, which is for the protocol to find.
"""

from dataclasses import dataclass, field
from struct import Struct

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN

PLAIN = 0x81
"""The first byte of a text in one piece: FIN, no reserved bit (RFC 6455, 5.2)."""
SHORT, MEDIUM, LONG = 125, 126, 127
"""The second byte: a length up to SHORT, or that two or eight bytes of length follow. Above LONG the frame is masked,
which a server's never is."""
HEAD_BYTES = 2
MEDIUM_HEAD = Struct("!HH")
MEDIUM_HEAD_BYTES = MEDIUM_HEAD.size
PLAIN_SHORT, PLAIN_MEDIUM = PLAIN << 8, PLAIN << 8 | MEDIUM
"""The first two bytes of a plain frame; of a short one, before its length is added."""
HELD_BYTES = 4 + 0xFFFF
"""A plain frame up to this size waits here for its rest; a longer one is the protocol's, which joins it in place."""


@dataclass(slots=True, kw_only=True)
class Received:
    """What one read brought. `any`: a message or a control frame came, though perhaps none of text."""

    any: bool = False
    texts: list[bytes] = field(default_factory=list)
    pongs: list[bytes] = field(default_factory=list)


class Frames:
    """`protocol` is open, and sees nothing of what comes behind the handshake but by this."""

    __slots__ = ("_held", "_is_text", "_owed_bytes", "_parts", "_protocol")

    def __init__(self, protocol: ClientProtocol) -> None:
        self._protocol = protocol
        self._held = b""  # the beginning of a frame, which is not given to anybody yet
        self._owed_bytes = 0  # that the protocol still needs of the frame which it has the beginning of
        self._parts: list[bytes] | None = None  # of a message that comes in fragments
        self._is_text = True

    def __repr__(self) -> str:
        return f"<Frames held={len(self._held)} owed={self._owed_bytes} parts={len(self._parts or ())}>"

    def take(self, read: bytes) -> Received:
        """What is complete now. Look at the protocol's state, and at what it has to send, afterwards."""
        received = Received()
        if self._held:
            read, self._held = self._held + read, b""
        at, end = min(self._owed_bytes, len(read)), len(read)
        if at:
            self._pass_on(read[:at], received)
        while at < end and self._protocol.state is OPEN:
            if self._parts is None:
                at = _cut(read, at, received.texts)
                if at == end:
                    break
            size = _size(read, at)
            stop = at + size
            if not size or (stop > end and size <= HELD_BYTES and read[at] == PLAIN and self._parts is None):
                self._held = read[at:]
                break
            self._owed_bytes = size
            self._pass_on(read[at:stop], received)
            at = stop
        if received.texts:
            received.any = True
        return received

    def end(self) -> Received:
        """Nothing comes any more; and nothing can be complete now that was not before."""
        if self._held:
            self._protocol.receive_data(self._held)
        self._protocol.receive_eof()
        return Received()

    def _pass_on(self, part: bytes, received: Received) -> None:
        self._owed_bytes -= len(part)
        self._protocol.receive_data(part)
        for frame in self._protocol.events_received():
            if not isinstance(frame, Frame):
                continue
            payload = bytes(frame.data)
            if not frame.fin or frame.opcode is Opcode.CONT:
                self._join(frame, payload, received)
                continue
            received.any = True
            if frame.opcode is Opcode.TEXT:
                received.texts.append(payload)
            elif frame.opcode is Opcode.PONG:
                received.pongs.append(payload)

    def _join(self, frame: Frame, payload: bytes, received: Received) -> None:
        """A fragment alone is no sign of life: one byte a second could go on for ever."""
        if frame.opcode is not Opcode.CONT or self._parts is None:
            self._is_text, self._parts = frame.opcode is Opcode.TEXT, []
        self._parts.append(payload)
        if frame.fin:
            received.any = True
            if self._is_text:
                received.texts.append(b"".join(self._parts))
            self._parts = None


def _cut(read: bytes, at: int, texts: list[bytes]) -> int:
    """Adds the texts of the plain frames from `at` on; where the first frame begins that is not plain, or not whole.

    The last bytes of a read, less than a longer head, are left to others whatever they are.
    """
    end = len(read)
    last, head_of, add = end - MEDIUM_HEAD_BYTES, MEDIUM_HEAD.unpack_from, texts.append
    while at <= last:
        mark, length = head_of(read, at)
        if mark == PLAIN_MEDIUM and length > SHORT:
            begin = at + MEDIUM_HEAD_BYTES
        elif PLAIN_SHORT <= mark <= PLAIN_SHORT + SHORT:
            begin, length = at + HEAD_BYTES, mark - PLAIN_SHORT
        else:
            break
        stop = begin + length
        if stop > end:
            break
        add(read[begin:stop])
        at = stop
    return at


def _size(read: bytes, at: int) -> int:
    """Of the frame that begins at `at`, with its head; 0 while that cannot be seen. Of a masked one, as much as the
    protocol needs to refuse it."""
    seen = len(read) - at
    if seen < HEAD_BYTES:
        return 0
    length = read[at + 1]
    if length <= SHORT or length > LONG:
        return HEAD_BYTES + (length if length <= SHORT else 0)
    begin = at + HEAD_BYTES
    stop = begin + (2 if length == MEDIUM else 8)
    return stop - at + int.from_bytes(read[begin:stop]) if stop <= len(read) else 0
