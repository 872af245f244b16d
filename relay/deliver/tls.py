"""TLS, between a socket's bytes and the words of HTTP. No sockets here: bytes in, bytes out."""

import ssl

RECORD_BYTES = 16 * 1024
"""What one record holds at most (RFC 8446, 5.1), and so what one read brings."""


class Tls:
    """Its methods raise `ssl.SSLError` where the other side is not whom it should be, or breaks the rules."""

    __slots__ = ("_coming", "_going", "_object", "ended")

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._coming = ssl.MemoryBIO()
        self._going = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._coming, self._going, server_hostname=host)
        self.ended = False  # the other side will say nothing more

    def shake_hands(self, came: bytes) -> tuple[bool, bytes]:
        """Whether hands are shaken now, and what is to be sent. `came` is b"" at the start."""
        self._coming.write(came)
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False, self._going.read()
        return True, self._going.read()

    def seal(self, words: bytes) -> bytes:
        """What is to be sent for `words`."""
        self._object.write(words)
        return self._going.read()

    def unseal(self, came: bytes) -> tuple[bytes, bytes]:
        """What was said, and what is to be sent for TLS' own sake. `came` is b"" at the connection's end."""
        if came:
            self._coming.write(came)
        else:
            self._coming.write_eof()
        words = b""
        try:
            while chunk := self._object.read(RECORD_BYTES):
                words += chunk
                if came and not self._coming.pending and len(chunk) < RECORD_BYTES:
                    return words, self._going.read()  # another read would only raise
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self.ended = True
        return words, self._going.read()


def trusting(ca_file: str) -> ssl.SSLContext:
    """A context that verifies certificates and names. Costs 40 ms with a machine's usual list: make it once."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_verify_locations(ca_file)
    return context
