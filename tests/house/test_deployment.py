"""What platforms read (Procfile, Dockerfile, docker-compose.yml, app.json, the locks) agrees with the program."""

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from functools import cache
from importlib.metadata import files, packages_distributions
from pathlib import Path

import pytest
import yaml
from compose_spec import PyCompose
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from relay.settings import variables
from tests.house.replay import Image, replay
from tests.house.rooms import ROOT, modules, nothing, tracked


@cache
def compose() -> dict[str, dict[str, dict[str, object]]]:
    read = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(read, dict)
    return read


@cache
def procfile() -> dict[str, str]:
    lines = (line.partition(":") for line in (ROOT / "Procfile").read_text().splitlines())
    return {name: command.strip() for name, _, command in lines}


def locked(name: str) -> dict[str, str]:
    """What a lock file pins: name → version."""
    text = (ROOT / name).read_text()
    return {
        canonicalize_name(found): version for found, version in re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE)
    }


def dependencies(groups: list[str], *, extras: tuple[str, ...] = ()) -> list[str]:
    """What pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [
        *project["project"]["dependencies"],
        *(name for extra in extras for name in project["project"]["optional-dependencies"][extra]),
        *(name for group in groups for name in project["dependency-groups"][group]),
    ]


def ignored(path: Path) -> bool:
    """By .dockerignore: the last rule that matches the path, or a folder above it, decides."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    names = [str(path), *map(str, path.parents)]
    verdicts = [
        not rule.startswith("!")
        for rule in rules
        if any(fnmatch(n, rule.lstrip("!").removeprefix("**/")) for n in names)
    ]
    return bool(verdicts) and verdicts[-1]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The Dockerfile, played with just the files that .dockerignore lets through."""
    context = tmp_path_factory.mktemp("context")
    for path in tracked():
        if not ignored(path):
            (context / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, context / path)
    return replay(ROOT / "Dockerfile", context, tmp_path_factory.mktemp("image"))


def test_honcho_reads_the_procfile() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "honcho", "check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert "Valid procfile detected (web, worker)" in checked.stderr


def test_the_compose_file_is_one() -> None:
    assert sorted(PyCompose.from_json(json.dumps(compose())).services or {}) == ["redis", "web", "worker"]


def test_the_compose_file_names_only_what_it_has() -> None:
    services = compose()["services"]
    for name, service in services.items():
        needs = service.get("depends_on", {})
        mounts = service.get("volumes", [])
        assert isinstance(needs, dict)
        assert isinstance(mounts, list)
        assert set(needs) <= set(services), name
        assert {mount.split(":")[0] for mount in mounts} <= set(compose()["volumes"]), name
        for other, condition in needs.items():
            assert condition == {"condition": "service_healthy"}
            assert "test" in json.dumps(services[other]["healthcheck"])


@pytest.mark.parametrize("name", ["web", "worker", "redis"])
def test_each_service_is_held_in(name: str) -> None:
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert re.search(r'"memory": "\w+"', json.dumps(service["deploy"]))


def test_redis_in_the_compose_file_forgets_nothing() -> None:
    command = compose()["services"]["redis"]["command"]
    assert isinstance(command, list)
    told = dict(zip(command[1::2], command[2::2], strict=True))
    assert told == {"--appendonly": "yes", "--appendfsync": "always", "--save": "", "--maxmemory-policy": "noeviction"}


def test_what_platforms_set_are_settings_of_ours() -> None:
    in_compose = {name for service in ("web", "worker") for name in dict(compose()["services"][service]["environment"])}  # type: ignore[call-overload]  # YAML
    in_app = set(json.loads((ROOT / "app.json").read_text())["env"])
    assert in_compose | in_app <= set(variables())


def test_the_button_makes_what_the_procfile_has() -> None:
    assert json.loads((ROOT / "app.json").read_text())["formation"].keys() == procfile().keys()


def test_one_version_of_python_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    version = (ROOT / ".python-version").read_text().strip()
    assert project["project"]["requires-python"] == f">={version}"
    assert project["tool"]["mypy"]["python_version"] == version
    assert project["tool"]["ruff"]["target-version"] == "py" + version.replace(".", "")
    assert set(re.findall(r"FROM (\S+)", (ROOT / "Dockerfile").read_text())) == {f"python:{version}-slim"}


@pytest.mark.parametrize(
    ("lock", "groups"), [("requirements.txt", ["build"]), ("requirements-dev.txt", ["build", "dev"])]
)
def test_the_locks_hold_what_the_project_asks_for(lock: str, groups: list[str]) -> None:
    pins = locked(lock)
    needs = map(Requirement, dependencies(groups))
    nothing(str(need) for need in needs if pins.get(canonicalize_name(need.name), "0") not in need.specifier)


def imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [each.name for each in names]
        case ast.ImportFrom(module=str(name), level=0):
            return [name]
    return []


def foreign_imports(folder: str) -> set[str]:
    """The distributions of which the modules in `folder` import something, by name."""
    homes = packages_distributions()
    ours = {*sys.stdlib_module_names, "_typeshed", "relay", "tests", "benchmarks"}
    named = {name for module in modules(folder) for node in module.all(ast.AST) for name in imported(node)}
    foreign = {name for name in named if name.split(".")[0] not in ours}
    return {
        canonicalize_name(home)
        for name in foreign
        for home in holders(name, set(homes.get(name.split(".")[0], [f"the unknown {name}"])))
    }


def holders(module: str, homes: set[str]) -> set[str]:
    """Several distributions may share a namespace: those of them that hold this very module."""
    if len(homes) == 1:
        return homes
    path = module.replace(".", "/")
    spelled = {f"{path}.py", f"{path}/__init__.py"}
    return {home for home in homes if spelled & {file.as_posix() for file in files(home) or []}} or homes


@pytest.mark.parametrize(("folder", "groups"), [("relay", []), ("tests", ["dev"]), ("benchmarks", ["dev"])])
def test_what_is_imported_is_asked_for_by_name(folder: str, groups: list[str]) -> None:
    extras = () if groups else ("otel",)
    asked = {canonicalize_name(Requirement(text).name) for text in dependencies(groups, extras=extras)}
    assert foreign_imports(folder) <= asked


def test_both_locks_agree() -> None:
    assert locked("requirements.txt").items() <= locked("requirements-dev.txt").items()


def test_the_image_holds_the_whole_program(image: Image) -> None:
    (installed,) = image.root.glob("relay/lib/python3.*/site-packages/relay")
    nothing(str(path) for path in tracked() if path.parts[0] == "relay" and not (installed.parent / path).is_file())


def test_the_image_runs_as_nobody_and_says_how_it_is(image: Image) -> None:
    assert image.said["USER"] not in ("", "0", "root")
    assert image.command("CMD") == ["relay", "serve"]
    assert "/healthz" in image.command("HEALTHCHECK")[-1]
    assert shutil.which("relay", path=image.path()) == str(image.root / "relay/bin/relay")
