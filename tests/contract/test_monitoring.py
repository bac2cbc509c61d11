"""Alert rules and dashboard: the metrics that they use exist; each alert is tested and listed."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ALERTS = (ROOT / "monitoring" / "alerts.yml").read_text()
ALERTS_TEST = (ROOT / "monitoring" / "alerts_test.yml").read_text()
DASHBOARD = json.loads((ROOT / "monitoring" / "dashboard.json").read_text())
METRICS_PAGES = (ROOT / "docs" / "metrics.md", ROOT / "docs" / "collector.md")

RUNBOOK = (ROOT / "docs" / "operations.md").read_text()

#: The anchors of the runbook's sections.
ANCHORS = {
    re.sub(r"[^a-z-]", "", heading.lower().replace(" ", "-"))
    for heading in re.findall(r"^##+ (.+)$", RUNBOOK, re.MULTILINE)
}

#: An alert of the rules, up to the next alert or group.
ALERT = re.compile(
    r"^      - alert: (\w+)\n(.*?)(?=^      - alert: |^  - name: |\Z)", re.MULTILINE | re.DOTALL
)


def alerts() -> dict[str, str]:
    """Each alert's text by its name."""
    found = dict(ALERT.findall(ALERTS))
    assert len(found) == ALERTS.count("- alert:"), "an alert is written otherwise, or twice"
    return found


def panels() -> list[dict[str, Any]]:
    """The panels that show data; rows do not."""
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def exported() -> set[str]:
    text = "".join(page.read_text() for page in METRICS_PAGES)
    return set(re.findall(r"\bconvertro_[a-z_]+", text))


def named(text: str) -> set[str]:
    """The metrics in an expression; a histogram's series count as the histogram."""
    names = re.findall(r"\bconvertro_[a-z_]+", text)
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


@pytest.mark.parametrize("name", alerts())
def test_an_alert_says_how_urgent_it_is_and_what_to_do_first(name: str) -> None:
    text = alerts()[name]
    assert re.search(r"^          severity: (page|ticket)$", text, re.MULTILINE)
    assert re.search(r'^          summary: "?[A-Z{].+\."?$', text, re.MULTILINE)
    assert re.search(r"^          description: >-\n            \S", text, re.MULTILINE)
    url = re.search(r"^          runbook_url: docs/operations\.md#([a-z-]+)$", text, re.MULTILINE)
    assert url, "no runbook_url"
    assert url[1] in ANCHORS


@pytest.mark.parametrize(
    "name", sorted(name for name in alerts() if "Collector" not in name and "Absent" not in name)
)
def test_an_alert_links_the_status_page_of_its_exporter(name: str) -> None:
    assert '          status_page: "http://{{ $labels.instance }}/"\n' in alerts()[name]


@pytest.mark.parametrize("name", alerts())
def test_an_alert_is_tested_to_fire_and_not_to_fire(name: str) -> None:
    assert f'- name: "{name}: ' in ALERTS_TEST
    assert f"""- labels: '{{alertname="{name}", severity=""" in ALERTS_TEST


def test_alerts_ask_for_nothing_that_is_not_exported() -> None:
    assert named(ALERTS) - exported() == set()


def test_the_dashboard_asks_for_nothing_that_is_not_exported() -> None:
    targets = [target["expr"] for panel in panels() for target in panel["targets"]]
    assert named("\n".join(targets)) - exported() == set()


def test_the_page_lists_each_alert_with_its_severity_and_its_runbook() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text()
    row = re.compile(
        r"^\| `(\w+)` \| (page|ticket) \| .+ \| \[.+\]\(operations\.md#([a-z-]+)\) \|$"
    )
    listed = {match.groups() for line in page.splitlines() if (match := row.match(line))}
    told = re.compile(r"severity: (\w+)\n.*runbook_url: docs/operations\.md#([a-z-]+)", re.DOTALL)
    assert listed == {
        (name, *found.groups()) for name, text in alerts().items() if (found := told.search(text))
    }


def test_the_dashboard_names_no_machine_and_no_panel_twice() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    assert "id" not in DASHBOARD
    sources = {source["uid"] for panel in panels() for source in [panel["datasource"]]}
    assert sources == {"${datasource}"}
    assert [each["name"] for each in DASHBOARD["templating"]["list"]] == ["datasource", "instance"]


def test_panels_neither_overlap_nor_leave_the_grid() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_each_panel_says_what_it_shows() -> None:
    for panel in panels():
        assert panel["title"], panel["id"]
        assert panel["description"].endswith("."), panel["title"]


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
@pytest.mark.parametrize(
    "command",
    ["check config monitoring/prometheus.yml", "test rules monitoring/alerts_test.yml"],
)
def test_promtool_accepts_the_rules(command: str) -> None:
    done = subprocess.run(
        ["promtool", *command.split()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
