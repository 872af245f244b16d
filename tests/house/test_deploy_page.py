"""docs/deploy.md names what there is: settings, processes, services, and a unit that stops in time."""

import configparser
import re

import yaml

from relay.settings import CLIENT_VARIABLES, variables
from tests.house.rooms import ROOT

PAGE = (ROOT / "docs/deploy.md").read_text()


def shown(name: str) -> str:
    (text,) = re.findall(rf"```\w+ file={re.escape(name)}\n(.*?)```", PAGE, re.DOTALL)
    return str(text)


def test_every_setting_on_the_page_is_one() -> None:
    named = set(re.findall(r"\b([A-Z]+_[A-Z_]+)=", PAGE))
    assert named
    assert named <= {*variables(), *CLIENT_VARIABLES}


def test_what_is_scaled_and_asked_is_there() -> None:
    processes = {line.partition(":")[0] for line in (ROOT / "Procfile").read_text().splitlines()}
    (scaled,) = re.findall(r"heroku ps:scale (.*)", PAGE)
    assert set(re.findall(r"(\w+)=\d", scaled)) == processes
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert set(re.findall(r"docker compose exec (\w+)", PAGE)) <= set(services)


def test_the_unit_gives_relay_the_time_to_stop_and_starts_it_again() -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    unit.read_string(shown("relay.service"))
    service = unit["Service"]
    assert service["ExecStart"].endswith("/bin/relay serve")
    assert service["Restart"] == "always"
    assert int(service["TimeoutStopSec"]) > 20
    assert service["EnvironmentFile"] == "/etc/relay.env"
    assert "RELAY_SECRET_KEY" in shown("relay.env")
