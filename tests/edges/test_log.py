"""Facts as lines, on a pipe that several processes may share."""

import io
import json
import re
from collections.abc import Callable
from select import PIPE_BUF

from relay.cli.log import Report
from relay.report import Attempt, ConnectionChanged, Fact, Stopping


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


def test_a_line_of_text_commands_no_terminal() -> None:
    out = Writes()
    Report(out)(Stopping(what="relay", because="\x1b[2J\x9b31m\u202e\r"))
    assert out.sent[0].endswith(r'because="\u001b[2J\u009b31m\u202e\r"' + "\n")


ATTEMPT = Attempt(
    delivery="dlv_1",
    webhook="wh_1",
    event="Ev1",
    kind="message",
    attempt=2,
    result="timeout",
    verdict="again",
    ms=10_000,
    again_in_s=300.0,
    detail='no answer "in" time',
)
CHANGE = ConnectionChanged(connection="con_1", kind="rtm", status="reconnecting", was="connected", lasted_s=61.25)


def written(fact: Fact, *, as_json: bool) -> str:
    out = io.StringIO()
    Report(out, as_json=as_json)(fact)
    return out.getvalue()


def test_an_attempt_and_a_change_are_one_wide_line_each_for_people() -> None:
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d attempt delivery=dlv_1 webhook=wh_1 event=Ev1 kind=message attempt=2 result=timeout "
        r'verdict=again ms=10000 again_in_s=300\.000 detail="no answer \\"in\\" time"\n',
        written(ATTEMPT, as_json=False),
    )
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d connection_changed connection=con_1 kind=rtm status=reconnecting was=connected "
        r"lasted_s=61\.250\n",
        written(CHANGE, as_json=False),
    )


def test_and_one_object_each_for_programs() -> None:
    for fact in (ATTEMPT, CHANGE):
        (line,) = written(fact, as_json=True).splitlines()
        said = json.loads(line)
        assert said.pop("level") == "info"
        assert said.pop("fact") == "".join("_" + c.lower() if c.isupper() else c for c in type(fact).__name__).lstrip(
            "_"
        )
        assert said.pop("at").endswith("Z")
        assert said == {
            name: value for name in fact.__struct_fields__ if (value := getattr(fact, name)) not in {None, ""}
        }
