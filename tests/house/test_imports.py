"""Calls go down: the contracts in pyproject.toml are kept, and they hold every room of the house."""

import subprocess
import sys

from tests.house.rooms import ROOT


def test_the_import_contracts_are_kept() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    ran = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_core_can_be_imported_alone() -> None:
    """Nothing of the network comes along: a reader can take it out of the house and play with it."""
    bare = "import sys, pkgutil, importlib, relay.core as core\n"
    each = "for m in pkgutil.iter_modules(core.__path__): importlib.import_module(f'relay.core.{m.name}')\n"
    heavy = "print(*sorted({'gevent', 'flask', 'redis', 'pycurl', 'slack_sdk'} & set(sys.modules)))"
    ran = subprocess.run(
        [sys.executable, "-c", bare + each + heavy], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == ""
