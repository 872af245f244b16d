"""Facts as lines, on a pipe that several processes may share."""

import io
import json
from collections.abc import Callable
from select import PIPE_BUF

from relay.cli.log import Report
from relay.report import Stopping


class Writes(io.StringIO):
    """Keeps what each flush sends on its way."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    def flush(self) -> None:
        self.sent.append(self.getvalue())
        self.seek(0)
        self.truncate()


def test_lines_go_out_in_writes_that_a_pipe_takes_whole() -> None:
    out, waiting = Writes(), list[Callable[[], None]]()
    report = Report(out, as_json=True, later=waiting.append)
    for number in range(500):
        report(Stopping(what=f"{number} é", because="x" * (number % 97)))
    assert not out.sent
    waiting[0]()
    assert len(waiting) == 1
    assert all(len(text.encode()) <= PIPE_BUF and text.endswith("\n") for text in out.sent)
    assert len(out.sent) < 50
    assert [json.loads(line)["what"] for line in "".join(out.sent).splitlines()] == [f"{n} é" for n in range(500)]


def test_a_line_that_is_too_long_by_itself_goes_out_alone() -> None:
    out, waiting = Writes(), list[Callable[[], None]]()
    report = Report(out, as_json=True, later=waiting.append)
    for because in ("short", "x" * 2 * PIPE_BUF, "short"):
        report(Stopping(what="relay", because=because))
    waiting[0]()
    assert [text.count("\n") for text in out.sent] == [1, 1, 1]
