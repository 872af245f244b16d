"""What is in git could be anybody's: no registry, no path of one machine, no secret of the real Slack."""

import re

import pytest

from tests.house.rooms import ROOT, nothing, tracked

# Put together here, so that this file does not find itself.
REGISTRIES = [
    "py" + "pi.org",
    "python" + "hosted",
    "registry." + "npmjs",
    "registry." + "yarnpkg",
    "deb." + "debian.org",
]
MACHINES = [
    r"(?<![\w.])/wo" + r"rk/",
    r"(?<![\w.])/tm" + r"p/\w",
    r"(?<![\w.])/ro" + r"ot/\w",
    r"(?<![\w.])/ho" + r"me/\w",
    r"/Us" + r"ers/\w",
]
TOKENS = ["xo" + r"x[abprs]-\d{9,}-\w{20,}", "xap" + r"p-1-A\w{8,}-\d{9,}-[0-9a-f]{40,}"]
FOREIGN = [*REGISTRIES, *MACHINES, *TOKENS]


@pytest.mark.parametrize("pattern", FOREIGN, ids=range(len(FOREIGN)))
def test_nothing_tracked_names_one_machine_or_registry(pattern: str) -> None:
    sign = re.compile(pattern)
    nothing(
        f"{path}:{number}: {line.strip()[:120]}"
        for path in tracked()
        for number, line in enumerate((ROOT / path).read_text(errors="replace").splitlines(), start=1)
        if sign.search(line)
    )


def test_every_script_says_by_which_program_it_runs() -> None:
    nothing(
        str(path)
        for path in tracked()
        if (ROOT / path).stat().st_mode & 0o100 and not (ROOT / path).read_bytes().startswith(b"#!")
    )
