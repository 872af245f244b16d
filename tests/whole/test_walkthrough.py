"""docs/walkthrough.md, command by command, in a shell: what it says comes out does come out."""

import re
from pathlib import Path

from tests.waiting import until
from tests.whole.api import call
from tests.whole.program import ADMIN_TOKEN, Program
from tests.whole.terminal import Terminal, free_port, read


def test_every_command_of_the_walk_through_does_what_it_says(tmp_path: Path) -> None:
    port = free_port()
    page = re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", read("walkthrough.md"))
    with Program(f"demo --port {port} --rate 20", {"RELAY_ADMIN_TOKEN": ADMIN_TOKEN}) as demo:
        until(lambda: any("Registered" in line for line in demo.said))
        until(lambda: call(f"http://127.0.0.1:{port}", "GET /readyz", token=None).status == 200)
        with Terminal(tmp_path, {}) as terminal:
            terminal.follow(page)
