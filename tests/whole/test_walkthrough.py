"""docs/walkthrough.md, command by command, in a shell: what it says comes out does come out."""

import re
from pathlib import Path

from tests.waiting import until
from tests.whole.api import call
from tests.whole.program import ADMIN_TOKEN, Program
from tests.whole.terminal import Terminal, read


def test_every_command_of_the_walk_through_does_what_it_says(tmp_path: Path) -> None:
    page = read("walkthrough.md")
    address, port = re.findall(r"RELAY_URL=(http://127\.0\.0\.1:(\d+))", page)[0]
    with Program(f"demo --port {port} --rate 20", {"RELAY_ADMIN_TOKEN": ADMIN_TOKEN}) as demo:
        until(lambda: any("Registered" in line for line in demo.said))
        until(lambda: call(address, "GET /readyz", token=None).status == 200)
        with Terminal(tmp_path, {}) as terminal:
            terminal.follow(page)
