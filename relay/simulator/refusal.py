"""A call that Slack says no to."""


class Refused(Exception):
    """The call is answered with `ok: false` and this word."""

    def __init__(self, word: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(word)
        self.word = word
        self.retry_after_s = retry_after_s
