"""What ships to watch a server with: alarms, dashboard, provisioning. The alarms are tested as Prometheus reads them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from server.observe.collector import CAUSES, COUNTERS, GAUGES, HISTOGRAMS, REFUSALS
from server.transport.meters import FAILURES

ROOT = Path(__file__).parents[2]
OBSERVE = ROOT / "deploy" / "observe"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
FOREIGN = {"up", "process_open_fds", "process_max_fds", "process_resident_memory_bytes", "process_cpu_seconds_total"}


def samples() -> set[str]:
    """The names that can be asked for."""
    names = {f"{row.name}_total" for row in COUNTERS} | {row.name for row in GAUGES} | FOREIGN
    return names | {f"{row.name}_{part}" for row in HISTOGRAMS for part in ("bucket", "sum", "count")}


def asked_for(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:parley|process)_\w+|\bup\b", re.sub(r"\{[^}]*\}", "", expression)))


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((OBSERVE / "grafana" / "parley.json").read_text())
    return found


def alerts() -> dict[str, str]:
    """Each alarm and its expression."""
    text = (OBSERVE / "alerts.yml").read_text()
    found = dict(re.findall(r"- alert: (\w+)\n +expr: (?:>-\n)?((?:.|\n)*?)\n +(?:for|labels):", text))
    assert len(found) == text.count("- alert:")
    return found


def promtool(*arguments: str) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    done = subprocess.run(["promtool", *arguments], cwd=OBSERVE, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alarm_sounds_when_it_should_and_not_before() -> None:
    promtool("test", "rules", "alerts_test.yml")


def test_rules_and_configuration_are_valid() -> None:
    promtool("check", "rules", "alerts.yml")
    promtool("check", "config", "prometheus.yml")


def test_every_alarm_is_tested() -> None:
    text = (OBSERVE / "alerts_test.yml").read_text()
    for name in alerts():
        assert f"alertname: {name}," in text, f"{name} is never shown to be silent"
        assert f'alertname="{name}"' in text, f"{name} is never shown to sound"


def test_every_alarm_is_in_the_manual() -> None:
    """One row per alarm: what it means and what to do."""
    for name in alerts():
        assert re.search(rf"^\| `{name}` \| [^|]+ \| [^|]+ \|$", OPERATIONS, re.MULTILINE), name


@pytest.mark.parametrize("name", sorted(alerts()))
def test_alarms_ask_for_what_there_is(name: str) -> None:
    assert asked_for(alerts()[name]) <= samples()


def test_words_in_the_alarms_are_those_that_are_counted() -> None:
    found = [words for text in alerts().values() for words in re.findall(r'(?:cause|reason)=~?"([^"]+)"', text)]
    words = {word for several in found for word in several.split("|")}
    assert words <= {*CAUSES, *REFUSALS, *FAILURES}


def test_every_metric_is_in_the_manual() -> None:
    for name in [f"{row.name}_total" for row in COUNTERS] + [row.name for row in (*GAUGES, *HISTOGRAMS)]:
        assert f"| `{name}` |" in OPERATIONS, name


def test_panels_are_whole() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    titles = [panel["title"] for panel in panels]
    assert len(set(titles)) == len(titles)
    for panel in panels:
        assert panel["title"]
        if panel["type"] != "row":
            assert panel["description"].endswith("."), panel["title"]
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
            assert panel["targets"], panel["title"]


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_panels_ask_for_what_there_is_from_the_source_that_is_provisioned() -> None:
    source = re.search(r"uid: (\S+)", (OBSERVE / "grafana" / "datasource.yml").read_text())
    assert source is not None
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            assert target["datasource"] == {"type": "prometheus", "uid": source[1]}
            assert target["legendFormat"]
            names = asked_for(target["expr"])
            assert names
            assert names <= samples(), panel["title"]


def test_the_dashboard_shows_what_operations_wants_to_know() -> None:
    shown = {name for panel in dashboard()["panels"] for target in panel.get("targets", []) for name in asked_for(target["expr"])}
    wanted = {
        *("parley_connections", "parley_handshake_seconds_count", "parley_handshake_failures_total", "parley_events_total"),
        *("parley_deliveries_total", "parley_sent_bytes_total", "parley_slowest_cursor_positions", "parley_write_lines_count"),
        *("parley_store_commit_seconds_bucket", "parley_store_errors_total", "parley_evictions_total"),
        *("parley_certificate_not_after_timestamp_seconds", "parley_event_loop_lag_seconds_bucket"),
    }
    assert wanted <= shown
