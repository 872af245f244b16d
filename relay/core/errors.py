"""The root of every error that the relay raises on purpose; leaves live beside what raises them."""


class RelayError(Exception):
    """Something that the relay can say in one plain sentence (its message)."""


class Away(RelayError):
    """Something that we need cannot be reached now, and will be again: back off and try again; nothing is broken."""
