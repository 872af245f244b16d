"""What is said of the metrics in docs/ is true of the program."""

import json
import re
from pathlib import Path

import yaml

from relay.core.metrics import EXPORTED, MetricKind

DOCS = Path(__file__).parents[2] / "docs"
SAMPLES = {metric.name for metric in EXPORTED} | {
    f"{metric.name}_{part}"
    for metric in EXPORTED
    if metric.kind is MetricKind.HISTOGRAM
    for part in ("bucket", "sum", "count")
}


def named(expressions: list[str]) -> set[str]:
    return {name for text in expressions for name in re.findall(r"\brelay_\w+", text)}


def test_each_metric_has_its_row() -> None:
    page = (DOCS / "metrics.md").read_text()
    rows = [
        f"| `{one.name}` | {one.kind} | {', '.join(f'`{label}`' for label in one.labels)} | {one.meaning} |"
        for one in EXPORTED
    ]
    assert [line for line in page.splitlines() if line.startswith("| `relay_")] == rows


def test_the_alerts_ask_for_what_there_is() -> None:
    rules = yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"][0]["rules"]
    names = named([rule["expr"] for rule in rules])
    assert names
    assert names <= SAMPLES


def test_the_board_asks_for_what_there_is() -> None:
    panels = json.loads((DOCS / "grafana.json").read_text())["panels"]
    names = named([target["expr"] for panel in panels for target in panel["targets"]])
    assert names
    assert names <= SAMPLES
