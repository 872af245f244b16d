"""How many descriptors this process has open."""

from pathlib import Path


def descriptors() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())
